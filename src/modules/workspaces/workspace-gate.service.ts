import { Injectable } from '@nestjs/common';

export type WorkspaceUse = 'read' | 'write';
type Check = (sessionId: string, use: WorkspaceUse) => Promise<void>;

/** Who may use the working directory of which session. The module of sessions, which comes after this one, tells. */
@Injectable()
export class WorkspaceGate {
  private check: Check | null = null;

  /** `check` throws NotFound for a session that the caller can not see, and Conflict where nothing may be written. */
  guardedBy(check: Check): void {
    this.check = check;
  }

  async require(sessionId: string, use: WorkspaceUse): Promise<void> {
    if (!this.check) throw new Error('Nobody tells who may use working directories');
    await this.check(sessionId, use);
  }
}
