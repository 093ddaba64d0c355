import type { Request } from 'express';

const UNMATCHED = '(unmatched)';

/** The route a request took, with parameter names in place of values; what no route takes has one name for all. */
export function routeTemplate(request: Request): string {
  const { route } = request as { route?: { path?: unknown } };
  const path = route?.path;
  return typeof path === 'string' && path.startsWith('/') ? path : UNMATCHED;
}
