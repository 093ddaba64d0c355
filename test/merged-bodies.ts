import { v7 } from 'uuid';
import type { Place, Step } from './api-document.js';

/** A place of a body and what it holds there. */
export interface Filled {
  place: Place;
  value: string;
}

/** Places that one body can hold side by side. */
export function grouped(places: readonly Place[]): Place[][] {
  const groups: Place[][] = [];
  for (const place of places) {
    const group = groups.find((others) => canStandTogether([...others, place]));
    if (group) group.push(place);
    else groups.push([place]);
  }
  return groups;
}

function canStandTogether(places: Place[]): boolean {
  const body = bodyOf(places.map((place) => ({ place, value: place.field })));
  return places.every(({ path, field }) => at(body, path) === field);
}

/** One body with all of them, and fresh names for what must be nobody else's. */
export function bodyOf(filled: readonly Filled[]): unknown {
  const body = filled.reduce<unknown>((merged, { place, value }) => merge(merged, fresh(place.body(value))), {});
  // What stands beside one of them may be another of them.
  for (const { place, value } of filled) {
    const inside = at(body, place.path.slice(0, -1));
    const last = place.path.at(-1);
    if (typeof inside === 'object' && inside !== null && last !== undefined) Object.assign(inside, { [last]: value });
  }
  return body;
}

function merge(left: unknown, right: unknown): unknown {
  if (Array.isArray(left) && Array.isArray(right)) {
    return Array.from({ length: Math.max(left.length, right.length) }, (_item, index) =>
      index in left && index in right ? merge(left[index], right[index]) : ((right[index] ?? left[index]) as unknown),
    );
  }
  if (!isRecord(left) || !isRecord(right)) return right;
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      name in left && name in right ? merge(left[name], right[name]) : (right[name] ?? left[name]),
    ]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function at(value: unknown, path: readonly Step[]): unknown {
  return path.reduce((inside, step) => (inside as Record<Step, unknown> | null | undefined)?.[step], value);
}

/** With names and texts that nobody has yet, where a sample stands for one that has to be. */
export function fresh(body: unknown): unknown {
  const unique = v7();
  return JSON.parse(
    JSON.stringify(body)
      .replaceAll('"somebody@example.com"', `"${unique}@example.com"`)
      .replaceAll('"a-slug"', `"s-${unique}"`)
      .replaceAll('"A text"', `"A text ${unique}"`),
  );
}
