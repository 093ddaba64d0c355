import { textResult, type BuiltinTool, type ToolResult, type ToolServer } from './tool.js';

export class ClockServer implements ToolServer {
  readonly name = 'clock';
  readonly tools: readonly BuiltinTool[] = [
    {
      name: 'now',
      description:
        'The present date and time, in UTC and in a timezone (IANA name such as Europe/Berlin; default UTC).',
      inputSchema: {
        type: 'object',
        properties: { timezone: { type: 'string', maxLength: 64 } },
        additionalProperties: false,
      },
      idempotent: true,
      call: (input) => Promise.resolve(now(input['timezone'])),
    },
  ];
}

function now(timezone: unknown): ToolResult {
  const timeZone = typeof timezone === 'string' ? timezone : 'UTC';
  const at = new Date();
  try {
    const local = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'full', timeStyle: 'long' }).format(at);
    return textResult(JSON.stringify({ utc: at.toISOString(), timezone: timeZone, local }));
  } catch (error) {
    if (error instanceof RangeError) return textResult(`Unknown timezone ${timeZone}`, true);
    throw error;
  }
}
