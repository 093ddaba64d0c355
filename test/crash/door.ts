import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Answer } from '../client.js';
import type { Random } from './random.js';

const AGAIN_MS = 100;

/** The API of processes that come and go, as one client uses it that never gives up. */
export class Door {
  constructor(
    private readonly urls: () => string[],
    private readonly random: Random,
    private readonly token: string,
    /** Told of answers that no client should get, whatever was killed. */
    private readonly onWrong: (what: string) => void,
  ) {}

  /** By any of the processes that answer now, or where nobody does. */
  client(): Client {
    const urls = this.urls();
    return new Client(urls.length === 0 ? 'http://127.0.0.1:9' : this.random.pick(urls), this.token);
  }

  /** Tries again, with the same key, until the answer is neither a broken connection nor `503` nor "still at it". */
  async ask(method: string, path: string, body?: object, key?: string): Promise<Answer> {
    const headers = key === undefined ? undefined : { 'idempotency-key': key };
    for (;;) {
      const answer = await Promise.resolve(this.client().send(method, path, body, headers)).catch(() => null);
      if (answer && !this.isPassing(answer.status, answer.text)) {
        if (answer.status >= 400) this.onWrong(`${method} ${path} answered ${answer.status}: ${answer.text}`);
        return answer;
      }
      await sleep(AGAIN_MS);
    }
  }

  /** Only once; null when it is not known what came of it. */
  async askOnce(method: string, path: string, body: object): Promise<Answer | null> {
    const answer = await Promise.resolve(this.client().send(method, path, body)).catch(() => null);
    if (!answer || answer.status === 503) return null;
    if (answer.status >= 400 && answer.status !== 409)
      this.onWrong(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    return answer;
  }

  /** 200 or 409, as the run had ended before. */
  async cancel(runId: string): Promise<Answer> {
    for (;;) {
      const answer = await Promise.resolve(this.client().post(`/runs/${runId}/cancel`)).catch(() => null);
      if (answer && (answer.status === 200 || answer.status === 409)) return answer;
      if (answer && answer.status !== 503) this.onWrong(`A cancellation was answered ${answer.status}: ${answer.text}`);
      await sleep(AGAIN_MS);
    }
  }

  /** The response once there is one that streams; null when there is none yet. */
  async stream(method: string, path: string, body: object | undefined, headers: Record<string, string>) {
    const response = await this.client()
      .fetch(method, path, body, headers)
      .catch(() => null);
    if (response?.ok) return response;
    await sleep(AGAIN_MS);
    if (!response) return null;
    const text = await response.text().catch(() => null);
    if (text !== null && !this.isPassing(response.status, text))
      this.onWrong(`${method} ${path} answered ${response.status}: ${text}`);
    return null;
  }

  private isPassing(status: number, text: string): boolean {
    return status === 503 || (status === 409 && text.includes('"retryAfter"'));
  }
}
