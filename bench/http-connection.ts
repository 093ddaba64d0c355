import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  status: number;
  text: string;
}

/**
 * One HTTP/1.1 connection that is kept open, one request at a time. On a bare socket, because node:http's client takes
 * as much of the machine as the servers that are measured. Texts are read as latin1.
 */
export class HttpConnection {
  private pending: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void } | null = null;
  private onText: ((text: string) => void) | undefined;
  private unread = '';
  private status = 0;
  /** Bytes of the body still to come; null for a chunked one. */
  private left: number | null = 0;
  private inBody = false;
  private text = '';

  private readonly socket: Socket;
  private readonly head: string;

  private constructor(socket: Socket, head: string) {
    this.socket = socket;
    this.head = head;
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (text: string) => this.read(text));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('The server closed the connection')));
  }

  static async open(url: string, token: string): Promise<HttpConnection> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const authorization = token ? `authorization: Bearer ${token}\r\n` : '';
    return new HttpConnection(socket, `host: ${host}\r\n${authorization}`);
  }

  /** `onText` gets the pieces of the body as they come. */
  request(method: string, path: string, body?: object, onText?: (text: string) => void): Promise<HttpAnswer> {
    const json = body === undefined ? '' : JSON.stringify(body);
    const type = json ? `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n` : '';
    this.onText = onText;
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.socket.write(`${method} ${path} HTTP/1.1\r\n${this.head}${type}\r\n${json}`);
    });
  }

  close(): void {
    this.pending = null;
    this.socket.destroy();
  }

  private read(text: string): void {
    this.unread += text;
    if (!this.inBody && !this.readHead()) return;
    if (this.left === null) this.readChunks();
    else if (this.unread.length >= this.left) {
      this.take(this.left);
      this.end();
    }
  }

  private readHead(): boolean {
    const end = this.unread.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.unread.slice(0, end);
    this.unread = this.unread.slice(end + 4);
    this.status = Number(head.slice(9, 12));
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    const isChunked = /^transfer-encoding: *chunked/im.test(head);
    this.left = isChunked ? null : Number(length ?? 0);
    this.inBody = true;
    this.text = '';
    return true;
  }

  private readChunks(): void {
    for (;;) {
      const line = this.unread.indexOf('\r\n');
      if (line < 0) return;
      const size = parseInt(this.unread, 16);
      if (this.unread.length < line + 2 + size + 2) return;
      this.unread = this.unread.slice(line + 2);
      this.take(size);
      this.unread = this.unread.slice(2);
      if (size > 0) continue;
      this.end();
      return;
    }
  }

  private take(length: number): void {
    const piece = this.unread.slice(0, length);
    this.unread = this.unread.slice(length);
    this.text += piece;
    if (piece) this.onText?.(piece);
  }

  private end(): void {
    this.inBody = false;
    const { pending } = this;
    this.pending = null;
    pending?.resolve({ status: this.status, text: this.text });
  }

  private fail(error: Error): void {
    this.pending?.reject(error);
    this.pending = null;
  }
}
