import { ExternalServiceFailed, TimedOut } from '../../contracts/errors.js';

interface McpFailure {
  retryable: boolean;
  /** False: the server has certainly not begun what it was asked for. */
  sent: boolean;
  cause?: unknown;
}

/** A server could not be reached, broke off, or does not keep to the protocol. */
export class McpServerFailed extends ExternalServiceFailed {
  readonly sent: boolean;

  constructor(serverName: string, says: string, { sent, ...options }: McpFailure) {
    super(serverName, `The MCP server ${serverName} ${says}`, options);
    this.sent = sent;
  }
}

/** What it was asked for may go on over there. */
export class McpServerSilent extends TimedOut {
  constructor(
    serverName: string,
    afterMs: number,
    readonly sent = true,
  ) {
    super(`The MCP server ${serverName} did not answer within ${afterMs} ms`, { details: { serviceName: serverName } });
  }
}

export class InvalidAnswer extends McpServerFailed {
  constructor(serverName: string, cause?: unknown) {
    super(serverName, 'answered with what is no valid MCP', { retryable: false, sent: true, cause });
  }
}

export class Flooded extends McpServerFailed {
  constructor(serverName: string) {
    super(serverName, 'said more than is read of it', { retryable: false, sent: true });
  }
}

/** Of us, and without taking our answers. */
export class AskedTooMuch extends McpServerFailed {
  constructor(serverName: string) {
    super(serverName, 'asked more at a time than is answered', { retryable: false, sent: true });
  }
}

export class ServerDied extends McpServerFailed {
  constructor(serverName: string, says: string, sent = true) {
    super(serverName, says, { retryable: !sent, sent });
  }
}

export class ServerNotStarted extends McpServerFailed {
  constructor(serverName: string, cause?: unknown) {
    super(serverName, 'can not be started', { retryable: false, sent: false, cause });
  }
}

/** Ours for now: it says nothing of the server, which was not asked. */
export class NotNow extends McpServerFailed {
  constructor(serverName: string, why: string) {
    super(serverName, `can not be connected to now: ${why}`, { retryable: true, sent: false });
  }
}

/** Its own answer: an error of the protocol, with its code. */
export class ServerRefused extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = 'ServerRefused';
  }
}

/** It knows nothing of our session with it any more: it has started anew. */
export class SessionLost extends Error {
  constructor(readonly failure: McpServerFailed) {
    super(failure.message);
    this.name = 'SessionLost';
  }
}
