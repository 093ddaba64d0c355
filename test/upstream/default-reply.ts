import { blocksOf, lastUserText, type MessagesRequest } from './messages-api.js';
import { saying, type StreamReply } from './reply.js';

const OPERATIONS: Record<string, string> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '×': 'multiply',
  '/': 'divide',
  '÷': 'divide',
  '^': 'power',
};

/** Without a script: calculates with the calculator tool when asked to and it is offered, else says a few words. */
export function defaultReply(request: MessagesRequest): StreamReply {
  const last = request.messages.at(-1);
  const result = last && blocksOf(last).find((block) => block.type === 'tool_result');
  if (result)
    return saying(
      'The answer',
      ' is ',
      typeof result.content === 'string' ? result.content : JSON.stringify(result.content),
      '.',
    );
  const sum = /(-?\d+(?:\.\d+)?)\s*([-+*/^×÷])\s*(-?\d+(?:\.\d+)?)/.exec(lastUserText(request));
  const operation = OPERATIONS[sum?.[2] ?? ''];
  const tool = operation && request.tools?.find(({ name }) => name.endsWith(`__${operation}`) || name === operation);
  if (!sum || !tool) return saying('Hello', ' from', ' the', ' upstream.');
  const [a = 'a', b = 'b'] = tool.input_schema?.required ?? Object.keys(tool.input_schema?.properties ?? {});
  const input = { [a]: Number(sum[1]), [b]: Number(sum[3]) };
  return { steps: [{ text: ['Let me', ' calculate.'] }, { toolUse: { name: tool.name, input } }] };
}
