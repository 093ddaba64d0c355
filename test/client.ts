/** One answer, read whole. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly text: string,
  ) {}

  json<T = Record<string, unknown>>(): T {
    return JSON.parse(this.text) as T;
  }
}

/** A request under way; `expect` fails the test with what the server said. */
export class Call implements PromiseLike<Answer> {
  constructor(private readonly answer: Promise<Answer>) {}

  expect(status: number): Promise<Answer> {
    return this.answer.then((answer) => {
      if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
      return answer;
    });
  }

  then<A = Answer, B = never>(
    onfulfilled?: ((value: Answer) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.answer.then(onfulfilled, onrejected);
  }
}

/** The API as one caller uses it; paths are below `/api/v1`. */
export class Client {
  constructor(
    readonly url: string,
    readonly token: string | null = null,
  ) {}

  get(path: string, headers: Record<string, string> = {}): Call {
    return this.send('GET', path, undefined, headers);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Call {
    return this.send('POST', path, body, headers);
  }

  patch(path: string, body?: unknown): Call {
    return this.send('PATCH', path, body);
  }

  put(path: string, body?: unknown): Call {
    return this.send('PUT', path, body);
  }

  delete(path: string): Call {
    return this.send('DELETE', path);
  }

  /** The body goes as it is when it is a string or a form. */
  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Call {
    return new Call(
      this.fetch(method, path, body, headers).then(async (r) => new Answer(r.status, r.headers, await r.text())),
    );
  }

  /** The raw response, for streams. */
  fetch(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    return fetch(path.startsWith('/') ? `${this.url}/api/v1${path}` : `${this.url}/${path}`, {
      method,
      signal,
      redirect: 'manual',
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body),
    });
  }
}
