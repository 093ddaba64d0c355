import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import type { AddressRules } from '../../platform/egress/address-rules.js';
import { BUILTIN_SERVERS, RESERVED_SERVERS } from './reserved-names.js';
import { slotFault } from './stdio/command-line.js';
import type { StdioCommands } from './stdio/stdio-commands.js';
import type { McpServerDto, UpdateMcpServerDto } from './mcp-servers.dto.js';

/** What a server is to be, with everything that was given and what holds for the rest. */
export type ServerDraft = Pick<McpServerDto, 'name' | 'transport' | 'url' | 'command' | 'args' | 'oauth'>;

interface Rules {
  addresses: AddressRules;
  commands: StdioCommands;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]{1,100}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;
const MOST_HEADERS = 50;
/** The protocol's own, or the connection's. */
const NOT_THEIRS = new Set([
  ...['accept', 'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host', 'keep-alive'],
  ...['last-event-id', 'mcp-protocol-version', 'mcp-session-id', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

/** @throws ValidationFailed naming each field that is at fault */
export function requireValid(draft: ServerDraft, given: UpdateMcpServerDto, rules: Rules): void {
  const faults = [...nameFaults(draft.name), ...headerFaults(given.headers ?? {}), ...policyFaults(given.toolPolicy)];
  if (draft.transport === 'builtin')
    faults.push({ field: 'transport', message: 'transport builtin is for the servers that are there already' });
  else if (draft.transport === 'stdio') faults.push(...stdioFaults(draft, given, rules.commands));
  else faults.push(...remoteFaults(draft));
  if (faults.length > 0) throw new ValidationFailed(faults);
  // Looked at where it was given: what EGRESS_ALLOW permitted once is refused on use when it no longer does.
  if (draft.transport !== 'stdio' && given.url != null) rules.addresses.assertAddressable(given.url, 'url');
}

function nameFaults(name: string): FieldError[] {
  if (RESERVED_SERVERS.has(name)) return [{ field: 'name', message: `name ${name} is reserved`, value: name }];
  if (BUILTIN_SERVERS.has(name))
    return [{ field: 'name', message: `name ${name} is that of a built-in server`, value: name }];
  return [];
}

function policyFaults(policy: UpdateMcpServerDto['toolPolicy']): FieldError[] {
  return Object.entries(policy?.tools ?? {}).flatMap(([tool, own]: [string, unknown]) => {
    const message = overrideFault(own);
    return message === null
      ? []
      : [{ field: 'toolPolicy.tools', message: `toolPolicy.tools: ${tool.slice(0, 128)} ${message}` }];
  });
}

function overrideFault(own: unknown): string | null {
  if (typeof own !== 'object' || own === null || Array.isArray(own)) return 'must be an object';
  for (const [name, value] of Object.entries(own)) {
    if (name === 'idempotent' && typeof value === 'boolean') continue;
    if (name !== 'timeoutMs')
      return name === 'idempotent' ? 'idempotent must be true or false' : `has no ${name.slice(0, 50)}`;
    if (!Number.isInteger(value) || value < 100 || value > 3_600_000)
      return 'timeoutMs must be an integer from 100 to 3600000';
  }
  return null;
}

function remoteFaults({ transport, url, command, args }: ServerDraft): FieldError[] {
  const faults: FieldError[] = [];
  if (url === null) faults.push({ field: 'url', message: `url is required for ${transport}` });
  if (command !== null) faults.push({ field: 'command', message: `command is not for ${transport}` });
  if (args.length > 0) faults.push({ field: 'args', message: `args are not for ${transport}` });
  return faults;
}

function stdioFaults({ url, command, args, oauth }: ServerDraft, given: UpdateMcpServerDto, commands: StdioCommands) {
  const faults: FieldError[] = [];
  if (!commands.areAllowed)
    return [{ field: 'transport', message: 'transport stdio is not available on this installation' }];
  if (url !== null) faults.push({ field: 'url', message: 'url is not for stdio' });
  if (oauth !== null) faults.push({ field: 'oauth', message: 'oauth is not for stdio' });
  if (Object.keys(given.headers ?? {}).length > 0)
    faults.push({ field: 'headers', message: 'headers are not for stdio' });
  const known = command === null ? null : commands.find(command);
  if (command === null) faults.push({ field: 'command', message: 'command is required for stdio' });
  else if (!known) faults.push({ field: 'command', message: 'command must be a name of the registry', value: command });
  const fault = known && slotFault(known, args);
  if (fault) faults.push({ field: 'args', message: fault });
  return faults;
}

/** Values are secret: no message repeats one. */
function headerFaults(headers: Record<string, unknown>): FieldError[] {
  const names = Object.keys(headers);
  if (names.length > MOST_HEADERS)
    return [{ field: 'headers', message: `headers must not be more than ${MOST_HEADERS}` }];
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const message = headerFault(name.toLowerCase(), value, seen);
    if (message !== null) return [{ field: 'headers', message: `headers: ${name.slice(0, 100)} ${message}` }];
    seen.add(name.toLowerCase());
  }
  return [];
}

function headerFault(name: string, value: unknown, seen: ReadonlySet<string>): string | null {
  if (!HEADER_NAME.test(name)) return 'is no name of a header';
  if (NOT_THEIRS.has(name)) return 'can not be set';
  if (seen.has(name)) return 'is given twice';
  if (typeof value !== 'string' || !HEADER_VALUE.test(value))
    return 'must have a text of one line, of 8,192 characters';
  return null;
}
