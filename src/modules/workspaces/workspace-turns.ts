import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DomainError, ExternalServiceFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { openTransaction } from '../../platform/database/transaction.js';
import { requireFolder } from './folder-missing.js';
import type { SessionFolder } from './session-folder.js';
import { isDiskFull, noRoom, WorkspaceFolders } from './workspace-folders.js';
import { WorkspacesRepository, type WorkspaceRow } from './workspaces.repository.js';

const RENEW_MS = 3_000;
/** Longer than it takes to bring a large working directory back. */
const PATIENCE_MS = 60_000;
const LONGEST_PAUSE_MS = 100;

/** A time in which nobody else changes the files of a session, in any process. */
export interface Turn {
  /** As it was at the beginning; what is changed here is stored at the end. */
  row: WorkspaceRow;
  folder: SessionFolder;
  /** Aborted when the turn is lost, after which nothing must be changed any more. */
  signal: AbortSignal;
  /** Done in the transaction that stores the end: events of what has happened. */
  readonly atEnd: (publish: () => Promise<void>) => void;
}

interface TurnOptions {
  /** Asked in the transaction that begins the turn. */
  admit?: () => Promise<void>;
  signal?: AbortSignal;
}

/**
 * Those who change the files of one session do so in turns, each under a lease in its row, since the disk has no transactions:
 * what a turn has done is counted in its row when it ends. One that never ended left its row behind under a lease that ran
 * out, and whoever comes next counts anew.
 */
@Injectable()
export class WorkspaceTurns {
  /** Who waits in this process waits for the one before, and one for other processes. */
  private readonly lines = new Map<string, Promise<unknown>>();

  constructor(
    private readonly workspaces: WorkspacesRepository,
    private readonly folders: WorkspaceFolders,
    private readonly db: Db,
  ) {}

  async take<T>(sessionId: string, use: (turn: Turn) => Promise<T>, options: TurnOptions = {}): Promise<T> {
    if (openTransaction()) throw new Error('Files are not changed inside a transaction');
    const key = `${currentTenantActor().tenantId}/${sessionId}`;
    const mine = (this.lines.get(key) ?? Promise.resolve()).then(() => this.inTurn(sessionId, use, options));
    const settled = mine.catch(() => undefined);
    this.lines.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.lines.get(key) === settled) this.lines.delete(key);
    }
  }

  private async inTurn<T>(sessionId: string, use: (turn: Turn) => Promise<T>, options: TurnOptions): Promise<T> {
    const row = await this.begin(sessionId, options);
    const lost = new AbortController();
    const renewal = setInterval(() => void this.renew(row, lost), RENEW_MS).unref();
    const publications: (() => Promise<void>)[] = [];
    const { tenantId } = currentTenantActor();
    const folder = this.folders.of({ tenantId, sessionId });
    const signal = options.signal ? AbortSignal.any([lost.signal, options.signal]) : lost.signal;
    try {
      if (row.uncounted) await recount(row, folder);
      const result = await use({ row, folder, signal, atEnd: (publish) => void publications.push(publish) });
      await this.end(row, publications);
      return result;
    } catch (error) {
      // What a refusal has left is in the row; what a failure has left is for the next one to count.
      row.uncounted ||= !(error instanceof DomainError);
      await this.end(row, []).catch(() => undefined); // The lease runs out by itself.
      throw isDiskFull(error) ? noRoom(error) : error;
    } finally {
      clearInterval(renewal);
    }
  }

  private async begin(sessionId: string, { admit, signal }: TurnOptions): Promise<WorkspaceRow> {
    const patience = performance.now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const row = await this.db.run(async () => {
        await this.workspaces.ensure(sessionId);
        await admit?.();
        return this.workspaces.take(sessionId);
      });
      if (row) return row;
      if (performance.now() > patience) {
        const message = 'The working directory is busy, try again later';
        throw new ExternalServiceFailed('disk', message, { retryable: true, retryAfter: 5 });
      }
      await sleep(Math.min(5 * attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random()));
    }
  }

  private async end(row: WorkspaceRow, publications: readonly (() => Promise<void>)[]): Promise<void> {
    await this.db.run(async () => {
      await this.workspaces.end(row);
      for (const publish of publications) await publish();
    });
  }

  private async renew(row: WorkspaceRow, lost: AbortController): Promise<void> {
    // If the database is away now, the next renewal may still come in time.
    const isMine = await this.workspaces.renew(row).catch(() => true);
    if (!isMine) lost.abort(new Error('The turn was taken over'));
  }
}

/** @throws FolderMissing where it would count nothing for something, unless that is about to be deleted */
async function recount(row: WorkspaceRow, folder: SessionFolder): Promise<void> {
  if (row.place === 'folder') {
    if (row.wanted !== 'nothing') await requireFolder(row, folder);
    const { sizeBytes, files, entries } = await folder.count();
    Object.assign(row, { sizeBytes, fileCount: files, entryCount: entries });
  }
  row.uncounted = false;
}
