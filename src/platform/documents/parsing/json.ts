import { DocumentFault } from './document-fault.js';
import { parsePlain } from './markdown.js';
import type { ParsedDocument } from './parsed-document.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

const MAX_DEPTH = 100;

/** A line for each value with the way to it, and a blank line between records. What is no JSON is text. */
export function parseJson(source: string, budget: WorkBudget): ParsedDocument {
  const value = valueOf(source);
  if (value === undefined)
    return /^\s*[[{].*[\]}]\s*\n\s*[[{]/.test(source) ? parseJsonLines(source, budget) : parsePlain(source, budget);
  const builder = new TextBuilder(budget);
  if (Array.isArray(value)) for (const item of value as unknown[]) writeRecord(item, builder);
  else writeRecord(value, builder);
  const title = typeof value === 'object' && value !== null && 'title' in value ? value.title : null;
  return builder.finish(typeof title === 'string' ? title : null);
}

/** Lines that are no JSON stay as they are. */
export function parseJsonLines(source: string, budget: WorkBudget): ParsedDocument {
  const builder = new TextBuilder(budget);
  for (const line of source.split(/\r?\n/)) {
    const value = line.trim() === '' ? undefined : valueOf(line);
    if (value === undefined) builder.line(line);
    else writeRecord(value, builder);
  }
  return builder.finish(null);
}

function writeRecord(value: unknown, builder: TextBuilder): void {
  const isPlain = typeof value !== 'object' || value === null;
  if (!isPlain) builder.blank();
  write(value, '', builder, 0);
  if (!isPlain) builder.blank();
}

function write(value: unknown, path: string, builder: TextBuilder, depth: number): void {
  if (depth > MAX_DEPTH) throw new DocumentFault('too_complex');
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== 'object' || item === null))
      say(path, value.map(shown).join(', '), builder);
    else
      for (const [index, item] of (value as unknown[]).entries()) write(item, `${path}[${index}]`, builder, depth + 1);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value))
      write(part, path === '' ? name : `${path}.${name}`, builder, depth + 1);
  } else say(path, shown(value), builder);
}

function say(path: string, value: string, builder: TextBuilder): void {
  if (value !== '') builder.line(path === '' ? value : `${path}: ${value}`);
}

/** Of what holds nothing else. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** Undefined for what is no JSON. Numbers that JavaScript can't hold stay as they are written. */
function valueOf(source: string): unknown {
  try {
    return JSON.parse(source.replace(/^\ufeff/, ''), (_name, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
        ? context.source
        : value,
    );
  } catch (error) {
    // Nested deeper than the stack of the thread is high.
    if (error instanceof RangeError) throw new DocumentFault('too_complex');
    return undefined;
  }
}
