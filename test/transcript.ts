import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { Listed } from './answers.js';
import type { Talk } from './conversations.js';
import { blocksOf, isState, type MessagesRequest } from './upstream/messages-api.js';

/** All messages of a session, page by page. */
export async function messagesOf({ as, sessionId }: Pick<Talk, 'as' | 'sessionId'>): Promise<MessageDto[]> {
  const messages: MessageDto[] = [];
  for (let cursor = ''; ;) {
    const page = await as.get(`/sessions/${sessionId}/messages?limit=100${cursor}`).expect(200);
    const { data, nextCursor } = page.json<Listed<MessageDto>>();
    messages.push(...data);
    if (nextCursor === null) return messages;
    cursor = `&cursor=${nextCursor}`;
  }
}

/** What was said, in order. */
export async function saidIn(talk: Pick<Talk, 'as' | 'sessionId'>): Promise<string[]> {
  return (await messagesOf(talk)).map(({ content }) => content);
}

/** What a model was shown of a conversation, turn by turn, without the state of the application. */
export function shownTo(request: MessagesRequest | undefined): string[] {
  return (
    request?.messages.map((message) =>
      blocksOf(message)
        .filter((block) => !isState(block))
        .map((block) => block.text ?? `<${block.type}>`)
        .join(' | '),
    ) ?? []
  );
}
