import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

interface ClientHooks {
  onToolsChanged?: () => void;
  /**
   * `refuse`: not offered, so that a server that asks all the same gets an error. `defaults`: answered with what the
   * server itself proposes, without a person seeing it; for servers of one's own only.
   */
  elicitation?: 'refuse' | 'defaults';
}

/**
 * The client side of every connection. It offers servers nothing: sampling would let them spend the tenant's tokens,
 * elicitation would let them ask people for anything in Atrium's name, roots would tell of our disks.
 */
export function newMcpClient({ onToolsChanged, elicitation = 'refuse' }: ClientHooks = {}): Client {
  const capabilities = elicitation === 'defaults' ? { elicitation: { form: { applyDefaults: true } } } : {};
  const client = new Client({ name: 'atrium', title: 'Atrium', version: '1.0.0' }, { capabilities });
  if (elicitation === 'defaults')
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
  if (onToolsChanged) client.setNotificationHandler(ToolListChangedNotificationSchema, () => onToolsChanged());
  return client;
}
