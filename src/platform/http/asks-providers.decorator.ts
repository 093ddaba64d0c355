import { applyDecorators } from '@nestjs/common';
import { ApiBadGatewayResponse, ApiGatewayTimeoutResponse } from '@nestjs/swagger';

/** For the OpenAPI document: this handler asks providers of models, which may not be able to answer. */
export function AsksProviders(): MethodDecorator {
  return applyDecorators(
    ApiBadGatewayResponse({ description: 'The provider refuses, or has no key here' }),
    ApiGatewayTimeoutResponse({ description: 'The provider did not answer in time' }),
  );
}
