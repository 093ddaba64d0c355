import { expect } from '@jest/globals';
import { AnswerSchemas } from './answer-schemas.js';
import { faultyFields } from './answers.js';
import { ApiDocument, type Operation, type Place } from './api-document.js';
import type { Answer, Client } from './client.js';
import { Given } from './given.js';
import { furnish, isForSuperadmins, knownTo, type Furnished } from './one-of-everything.js';
import { startServer, type Server } from './server.js';

type Request = [operation: Operation, path: string, body?: unknown, headers?: Record<string, string>];

/** The API as shipped, with two tenants that have one of everything, asked by what its OpenAPI document says. */
export class DocumentedApi {
  private constructor(
    readonly server: Server,
    readonly document: ApiDocument,
    readonly given: Given,
    readonly superadmin: Client,
    readonly ours: Furnished,
    readonly theirs: Furnished,
  ) {
    this.schemas = new AnswerSchemas(document);
    document.know(knownTo(ours));
  }

  readonly schemas: AnswerSchemas;

  static async start(): Promise<DocumentedApi> {
    const server = await startServer({ EGRESS_ALLOW: '127.0.0.0/8' });
    const given = new Given(server);
    return new DocumentedApi(
      server,
      await ApiDocument.of(server.url),
      given,
      await given.admin(),
      await furnish(given, 'mark-of-ours'),
      await furnish(given, 'mark-of-theirs'),
    );
  }

  /** Those below the base. */
  get operations(): Operation[] {
    return this.document.operations.filter(({ path }) => path.startsWith('/api/'));
  }

  /** Those that read JSON, be it to find that it is empty. */
  get withBody(): Operation[] {
    return this.operations.filter(
      ({ method, body, takesUpload, takesBytes }) =>
        !['GET', 'DELETE'].includes(method) && !(takesUpload && !body) && !takesBytes,
    );
  }

  placesOf({ body }: Operation): Place[] {
    return body ? [...this.document.places(body)] : [];
  }

  /** Who may. */
  caller(operation: Operation): Client {
    return isForSuperadmins(operation) ? this.superadmin : this.ours.as;
  }

  /** Answers as is documented, whatever is sent. */
  async send(...[operation, path, body, headers]: Request): Promise<Answer> {
    const answer = await this.caller(operation).send(operation.method, path, body, headers);
    const what = whatWasSent(operation, path, body);
    const problem = answer.status >= 500 ? answer.text : null;
    expect([what, problem, this.schemas.faults(operation, answer)]).toEqual([what, null, []]);
    return answer;
  }

  /** The same, refused with this status; a 422 complains of this field or what is in it. */
  async refused(status: number, field: string, ...request: Request): Promise<void> {
    const answer = await this.send(...request);
    const faults = answer.status === 422 ? faultyFields(answer) : [];
    const isBlamed = faults.some((name) => name.startsWith(field) || field.startsWith(name));
    const what = whatWasSent(...request);
    expect([what, answer.status, isBlamed]).toEqual([what, status, status === 422]);
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}

function whatWasSent(...[{ method }, path, body]: Request): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  return `${method} ${path} ${text.slice(0, 300)}`;
}
