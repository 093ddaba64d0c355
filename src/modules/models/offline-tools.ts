import { MAX_ASKED_LENGTH, findExpressions, type Expression, type Operation } from './offline-arithmetic.js';
import type { ToolSpec } from './model-client.js';

export interface PlannedCall {
  /** The tool's wire name. */
  name: string;
  input: Record<string, unknown>;
}

/** `server:tool` as people write it, for the wire name `server__tool`. */
export function displayName(wireName: string): string {
  return wireName.replace('__', ':');
}

/** The calls a text asks for plainly, before any has been made. */
export function plannedCalls(text: string, tools: ToolSpec[]): PlannedCall[] {
  const named = namedCalls(text, tools);
  if (named.length > 0) return named;
  const calculations = findExpressions(text).flatMap((expression) => readyCalls(expression, tools, () => undefined));
  const clock = clockCall(text.slice(0, MAX_ASKED_LENGTH), tools);
  return clock ? [...calculations, clock] : calculations;
}

/** The operations of an expression whose operands are known and whose result is not. */
export function readyCalls(
  expression: Expression,
  tools: ToolSpec[],
  resultOf: (call: PlannedCall) => string | undefined,
): PlannedCall[] {
  if (expression.type === 'number') return [];
  const inner = [expression.left, expression.right].flatMap((operand) => readyCalls(operand, tools, resultOf));
  const call = inner.length > 0 ? undefined : callOf(expression, tools, resultOf);
  return call && resultOf(call) === undefined ? [call] : inner;
}

/** The digits an expression comes to by the results so far. */
export function valueOf(
  expression: Expression,
  tools: ToolSpec[],
  resultOf: (call: PlannedCall) => string | undefined,
): string | undefined {
  if (expression.type === 'number') return expression.digits;
  const call = callOf(expression, tools, resultOf);
  return call && resultOf(call);
}

function callOf(
  expression: Extract<Expression, { type: 'operation' }>,
  tools: ToolSpec[],
  resultOf: (call: PlannedCall) => string | undefined,
): PlannedCall | undefined {
  const tool = toolFor('calculator', expression.operation, tools);
  const left = valueOf(expression.left, tools, resultOf);
  const right = valueOf(expression.right, tools, resultOf);
  if (!tool || left === undefined || right === undefined) return undefined;
  const [a = 'a', b = 'b'] = parameters(tool);
  return { name: tool.name, input: { [a]: operand(tool, a, left), [b]: operand(tool, b, right) } };
}

function toolFor(server: string, tool: Operation | 'now', tools: ToolSpec[]): ToolSpec | undefined {
  return (
    tools.find(({ name }) => name === `${server}__${tool}`) ??
    tools.find(({ name }) => name.split('__').at(-1) === tool)
  );
}

/** Required parameters in the schema's order, else all. */
function parameters(tool: ToolSpec): string[] {
  const { required, properties } = tool.inputSchema as { required?: string[]; properties?: Record<string, unknown> };
  return required && required.length > 0 ? required : Object.keys(properties ?? {});
}

/** A number, unless the schema wants text or the number would lose digits. */
function operand(tool: ToolSpec, parameter: string, digits: string): number | string {
  const { properties } = tool.inputSchema as { properties?: Record<string, { type?: string | string[] }> };
  const type = properties?.[parameter]?.type;
  const text =
    type === 'string' || (Array.isArray(type) && type.includes('string') && String(Number(digits)) !== digits);
  return text ? digits : Number(digits);
}

const CLOCK =
  /\b(what(?:'s| is)? (?:the )?(?:current )?(?:time|date|day)|current (?:time|date)|time is it|day is it|date is it)\b/i;

function clockCall(text: string, tools: ToolSpec[]): PlannedCall | undefined {
  const tool = CLOCK.test(text) ? toolFor('clock', 'now', tools) : undefined;
  if (!tool) return undefined;
  const zone = zoneIn(text) ?? (parameters(tool).length > 0 ? 'UTC' : undefined);
  const { properties } = tool.inputSchema as { properties?: Record<string, unknown> };
  const parameter = Object.keys(properties ?? {}).find((key) => /zone/i.test(key)) ?? 'timezone';
  return { name: tool.name, input: zone === undefined ? {} : { [parameter]: zone } };
}

const LONGEST_QUERY = 1_000;

/** The search in the documents that are there for this conversation. */
export function knowledgeCall(question: string, tools: ToolSpec[]): PlannedCall[] {
  const tool = tools.find(({ name }) => name === 'rag__search');
  return tool ? [{ name: tool.name, input: { query: question.slice(0, LONGEST_QUERY).toWellFormed() } }] : [];
}

/** A zone by its name, or by the city it is named for. */
function zoneIn(text: string): string | undefined {
  const named = /\b[A-Z][A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+|\b(?:UTC|GMT)\b/.exec(text)?.[0];
  if (named) return named;
  const words = text.toLowerCase().replace(/[^\p{L}]+/gu, '_');
  return Intl.supportedValuesOf('timeZone').find((zone) =>
    `_${words}_`.includes(`_${zone.split('/').at(-1)?.toLowerCase() ?? ''}_`),
  );
}

/** `use the tool X with {…}`, `call X {…}`, by wire name, `server:tool` or the tool's own name. */
function namedCalls(text: string, tools: ToolSpec[]): PlannedCall[] {
  const calls: PlannedCall[] = [];
  for (const match of text.matchAll(
    /\b(?:use|call|run|invoke)\s+(?:the\s+)?(tool\s+)?[`'"]?([\w.:-]*\w)[`'"]?(\s+tool\b)?/gi,
  )) {
    const [whole, before, name = '', after] = match;
    const tool = toolNamed(name, tools);
    const rest = text.slice(match.index + whole.length);
    const input = tool && (jsonInput(rest) ?? textInput(tool, rest));
    // A tool's own name may be an everyday word: without input or the word tool beside it, it is taken for that.
    if (tool && (input || before || after || name.includes(':') || name.includes('__')))
      calls.push({ name: tool.name, input: input ?? {} });
  }
  return calls;
}

function toolNamed(name: string, tools: ToolSpec[]): ToolSpec | undefined {
  const wire = name
    .replace(':', '__')
    .replace(/[^\w-]/g, '_')
    .toLowerCase();
  return (
    tools.find((tool) => tool.name.toLowerCase() === wire) ??
    tools.find((tool) => tool.name.toLowerCase().split('__').at(-1) === wire)
  );
}

/** The JSON object that follows within a few words. */
function jsonInput(rest: string): Record<string, unknown> | undefined {
  const start = rest.indexOf('{');
  if (start < 0 || start > 40) return undefined;
  let tries = 0;
  for (let end = rest.indexOf('}', start); end >= 0 && tries < 50; end = rest.indexOf('}', end + 1)) {
    tries += 1;
    try {
      return JSON.parse(rest.slice(start, end + 1)) as Record<string, unknown>;
    } catch {
      // The bracket closed an inner object or stood in a text: try the next.
    }
  }
  return undefined;
}

/** For a tool with a single text parameter, the words after `with`. */
function textInput(tool: ToolSpec, rest: string): Record<string, unknown> | undefined {
  const [parameter, ...more] = parameters(tool);
  const words = /^[\s:,]*(?:with|on|for|to|saying)[\s:]+(.+)$/is
    .exec(rest)?.[1]
    ?.trim()
    .replace(/^(["'])(.*)\1$/s, '$2');
  return parameter && more.length === 0 && words && typeof operand(tool, parameter, '1') === 'string'
    ? { [parameter]: words }
    : undefined;
}
