import type { INestApplication } from '@nestjs/common';

/** The paths of API.md that are not under the base. */
const OUTSIDE = ['health', 'health/*path', 'metrics', 'mcp', '.well-known/*path'];

export function setApiPrefix(app: INestApplication): void {
  app.setGlobalPrefix('api/v1', { exclude: OUTSIDE });
}
