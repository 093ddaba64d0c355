import { applyDecorators } from '@nestjs/common';
import { ApiBadGatewayResponse, ApiConflictResponse, ApiGatewayTimeoutResponse } from '@nestjs/swagger';

/** For the OpenAPI document: this handler asks the server, which may not be able to answer. */
export function AsksServer(): MethodDecorator {
  return applyDecorators(
    ApiConflictResponse({ description: 'The server is disabled' }),
    ApiBadGatewayResponse({ description: 'The server refuses, or does not keep to the protocol' }),
    ApiGatewayTimeoutResponse({ description: 'The server did not answer in time' }),
  );
}
