import type { ToolDefinition, ToolResult, ToolServer } from './tool.js';

export class ClockServer implements ToolServer {
  readonly name = 'clock';

  private readonly definitions: ToolDefinition[] = [
    {
      name: 'clock:now',
      description:
        'The present date and time, in UTC and in a timezone (IANA name such as Europe/Berlin; default UTC).',
      inputSchema: {
        type: 'object',
        properties: { timezone: { type: 'string', maxLength: 64 } },
        additionalProperties: false,
      },
      idempotent: true,
      source: 'builtin',
    },
  ];

  tools(): readonly ToolDefinition[] {
    return this.definitions;
  }

  async call(_tool: string, input: Record<string, unknown>): Promise<ToolResult> {
    const timeZone = typeof input['timezone'] === 'string' ? input['timezone'] : 'UTC';
    const now = new Date();
    try {
      const local = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'full', timeStyle: 'long' }).format(now);
      return { isError: false, output: JSON.stringify({ utc: now.toISOString(), timezone: timeZone, local }) };
    } catch (error) {
      if (error instanceof RangeError) return { isError: true, output: `Unknown timezone ${timeZone}` };
      throw error;
    }
  }
}
