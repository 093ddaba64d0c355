import { findExpressions, formatExpression, type Expression } from './offline-arithmetic.js';
import type { Passage } from '../../contracts/passage.js';
import type { Conversation, MadeCall } from './offline-conversation.js';
import { bestSentence, type KnownText } from './offline-extract.js';
import { quotedFrom, type SaidText } from './offline-passages.js';
import { displayName, knowledgeCall, plannedCalls, readyCalls, valueOf, type PlannedCall } from './offline-tools.js';
import type { ToolSpec } from './model-client.js';

const WHO_I_AM =
  "I am Atrium's offline model: no language model, but a small program that needs no key and no network. I answer from " +
  'the conversation, from tool results and from passages I am given, and I call a tool when asked plainly to.';

const NOTHING_FOUND = 'I found nothing about that in the documents.';

const MAX_QUOTE_LENGTH = 400;

/** Its result is told with the expression it belongs to. */
const CALCULATION = /(?:^|_|:)(?:add|subtract|multiply|divide|power)$/;

/** The next step: calls to make, or what to say. Passages are what it may quote, and never what it does. */
export function nextStep(
  conversation: Conversation,
  tools: ToolSpec[],
): { calls: PlannedCall[] } | { texts: SaidText[] } {
  const { question, calls, documents } = conversation;
  const expressions = findExpressions(question);
  const next = calls.length === 0 ? firstCalls(conversation, tools) : furtherCalls(expressions, calls, tools);
  // A call that failed is not repeated: it would fail again.
  const fresh = unique(next).filter((call) => !calls.some((made) => isSame(call, made)));
  if (fresh.length > 0) return { calls: fresh };
  const results = calls.filter(({ passages }) => !passages);
  const told = results.length > 0 ? fromResults({ ...conversation, calls: results }, expressions, tools) : null;
  if (documents === null) return { texts: [{ text: told ?? fromConversation(conversation, expressions) }] };
  const quoted = fromDocuments(conversation, documents, told === null);
  return { texts: told === null ? quoted : [{ text: told }, ...quoted.map(following)] };
}

function firstCalls({ question, documents }: Conversation, tools: ToolSpec[]): PlannedCall[] {
  const planned = plannedCalls(question, tools);
  const isLookedUp = documents === null && planned.length === 0 && isAsking(question);
  return isLookedUp ? knowledgeCall(question, tools) : planned;
}

function furtherCalls(expressions: Expression[], calls: MadeCall[], tools: ToolSpec[]): PlannedCall[] {
  return expressions.flatMap((expression) => readyCalls(expression, tools, (call) => resultOf(call, calls)));
}

/** `isAll`: there is nothing else to say. */
function fromDocuments(
  { question, known, files }: Conversation,
  documents: readonly Passage[],
  isAll: boolean,
): SaidText[] {
  const quoted = quotedFrom(question, documents);
  if (quoted.length > 0 || !isAll) return quoted;
  const said = known.filter(({ source }) => source !== 'prompt');
  return [{ text: plainAnswer(question) ?? fromKnown(question, said) ?? (files.join('\n') || NOTHING_FOUND) }];
}

function following({ text, claim }: SaidText): SaidText {
  return { text: /^\s/.test(text) ? text : ` ${text}`, ...(claim && { claim }) };
}

function fromResults({ question, calls }: Conversation, expressions: Expression[], tools: ToolSpec[]): string {
  const failed = calls
    .filter((call) => call.isError)
    .map((call) => `${displayName(call.name)} failed: ${call.result.trim() || 'no reason was given'}.`);
  const solved = expressions.flatMap((expression) => {
    const value = valueOf(expression, tools, (call) => resultOf(call, calls));
    return value === undefined ? [] : [`${formatExpression(expression)} = ${value}`];
  });
  const others = calls
    .filter((call) => !call.isError && !(solved.length > 0 && CALCULATION.test(call.name)))
    .map((call) => quoteResult(call, question));
  return [...(solved.length > 0 ? [`${solved.join(' and ')}.`] : []), ...others, ...failed]
    .join(' ')
    .replace(/\.\.(?=\s|$)/g, '.');
}

function fromConversation({ question, files, known }: Conversation, expressions: Expression[]): string {
  if (question === '') return files.join('\n') || WHO_I_AM;
  const plain = plainAnswer(question) ?? fromKnown(question, known);
  if (plain !== undefined) return plain;
  if (files.length > 0) return files.join('\n');
  if (expressions.length > 0) return `I cannot calculate by myself and no calculator tool is offered here. ${WHO_I_AM}`;
  if (isGreeting(question)) return `Hello. ${WHO_I_AM}`;
  const gist = quote(question);
  return isQuestion(question) ? `You asked: "${gist}" I found nothing about that. ${WHO_I_AM}` : `Noted: "${gist}"`;
}

/** To what is no question about anything. */
function plainAnswer(question: string): string | undefined {
  const asked = /^(?:please\s+)?(?:say|repeat|echo|reply with|answer with)(?:\s+exactly)?\s*:?\s+(.+)$/is.exec(
    question,
  )?.[1];
  if (asked) return asked.replace(/^(["'“])(.*)["'”]$/s, '$2');
  const isAboutMe =
    /\b(who|what) are you\b|\b(which|what) (ai|llm|language )?\s?model\b|\bare you (an?|claude|human)\b|\bwhat can you do\b|^help\b/i;
  return isAboutMe.test(question) ? WHO_I_AM : undefined;
}

function fromKnown(question: string, known: KnownText[]): string | undefined {
  const found = bestSentence(question, known);
  if (!found) return undefined;
  return found.source === 'user' ? `You told me: "${found.sentence}"` : `From what I was given: "${found.sentence}"`;
}

function isGreeting(text: string): boolean {
  return /^(hi|hello|hey|good (morning|afternoon|evening))\b/i.test(text);
}

const MOST_WORDS_OF_A_PHRASE = 12;

/** A question, or the few words that people type into a search. */
function isAsking(text: string): boolean {
  if (text === '' || isGreeting(text) || plainAnswer(text) !== undefined) return false;
  if (isQuestion(text)) return true;
  return !/[.!。！]\s*$/.test(text) && text.split(/\s+/).length <= MOST_WORDS_OF_A_PHRASE;
}

function isQuestion(text: string): boolean {
  return /[?？؟]\s*$|^(what|who|whom|whose|where|when|which|how|why|is|are|do|does|did|can|could|would|tell|explain|write|summari[sz]e|list)\b/i.test(
    text,
  );
}

/** The value a calculation tool answered: the number alone, or the one in its JSON or text. */
function resultOf(call: PlannedCall, calls: MadeCall[]): string | undefined {
  const made = calls.find((other) => !other.isError && isSame(call, other));
  if (!made) return undefined;
  return (
    /^\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*$/i.exec(made.result)?.[1] ??
    made.result.match(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi)?.at(-1)
  );
}

function isSame(one: PlannedCall, other: PlannedCall): boolean {
  return one.name === other.name && JSON.stringify(one.input) === JSON.stringify(other.input);
}

function unique(calls: PlannedCall[]): PlannedCall[] {
  return calls.filter((call, index) => calls.findIndex((other) => isSame(call, other)) === index);
}

function quoteResult(call: MadeCall, question: string): string {
  const content = call.result.trim();
  if (content === '') return `${displayName(call.name)} answered nothing.`;
  const text =
    content.length <= MAX_QUOTE_LENGTH
      ? content
      : (bestSentence(question, [{ text: content, source: 'given' }], 1)?.sentence ?? content);
  return `${displayName(call.name)} answered: ${quote(text)}`;
}

function quote(text: string): string {
  return text.length > MAX_QUOTE_LENGTH ? `${text.slice(0, MAX_QUOTE_LENGTH).trimEnd()}…` : text;
}
