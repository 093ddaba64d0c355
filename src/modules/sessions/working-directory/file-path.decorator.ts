import { Injectable, Param, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { workspacePath, type WorkspacePath } from '../../workspaces/workspace-path.js';

/** The rest of the path, whose parts the router has decoded, once; what was `%2F` separates names too. */
@Injectable()
class FilePathPipe implements PipeTransform<string | string[], WorkspacePath> {
  /** @throws ValidationFailed */
  transform(parts: string | string[]): WorkspacePath {
    return workspacePath([parts].flat().join('/'));
  }
}

/** A path in a working directory, at the end of a route: `@FilePath() path: WorkspacePath` for `*path`. */
export function FilePath(): ParameterDecorator {
  return (target, method, index) => {
    Param('path', FilePathPipe)(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method === undefined || !descriptor) return;
    const description = 'Relative to the working directory; `/` may be written as it is or as `%2F`';
    ApiParam({ name: 'path', type: String, description })(target, method, descriptor);
  };
}
