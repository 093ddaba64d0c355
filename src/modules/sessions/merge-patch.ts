/** RFC 7396 JSON merge patch of one object by another; neither is changed. */
export function mergePatch(target: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, key);
    else define(merged, key, isObject(value) ? mergePatch(isObject(target[key]) ? target[key] : {}, value) : value);
  }
  return merged;
}

/** Assignment would let `__proto__` set the prototype instead of a key. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
