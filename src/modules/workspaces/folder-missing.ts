import { ExternalServiceFailed } from '../../contracts/errors.js';
import type { SessionFolder } from './session-folder.js';
import type { WorkspaceRow } from './workspaces.repository.js';

/** The disk that has them may be away, or this process may look at another one: nothing is known about the files then. */
class FolderMissing extends ExternalServiceFailed {
  constructor() {
    super('disk', 'The files of this session are not on the disk where they should be', { retryable: true });
  }
}

/** @throws FolderMissing where there are files by the row, and not even a folder on the disk */
export async function requireFolder({ place, entryCount }: WorkspaceRow, folder: SessionFolder): Promise<void> {
  if (place === 'folder' && entryCount > 0 && !(await folder.exists())) throw new FolderMissing();
}
