import { Controller, Delete, Get, HttpCode, Put, Query, Req, Res } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiResponse,
  ApiExtraModels,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { TakesBytes } from '../../../platform/http/takes-bytes.decorator.js';
import type { WorkspacePath } from '../../workspaces/workspace-path.js';
import { SessionsService } from '../sessions.service.js';
import { FilePath } from './file-path.decorator.js';
import { ListWorkingFilesQuery, WorkingFileDto, WorkingFilePage } from './working-directory.dto.js';
import { WorkingDirectory } from './working-directory.service.js';

const BINARY = { type: 'string', format: 'binary' };
const BYTES = { 'application/octet-stream': { schema: BINARY } };
const LIST_OR_ARCHIVE = {
  'application/json': { schema: { $ref: getSchemaPath(WorkingFilePage) } },
  'application/gzip': { schema: BINARY },
};

@Controller('sessions/:id/files')
@PathResource(SessionsService, 'require')
export class WorkingDirectoryController {
  constructor(private readonly files: WorkingDirectory) {}

  /** The files of the session's working directory, of all depths, by path; or all of them as an archive. */
  @Get()
  @Access({ can: 'files:read' })
  @ApiExtraModels(WorkingFilePage)
  @ApiOkResponse({ content: LIST_OR_ARCHIVE, description: 'A page, or the archive' })
  list(
    @Id() id: string,
    @Query() query: ListWorkingFilesQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WorkingFilePage | undefined> {
    return this.files.list(id, query, response);
  }

  /** The bytes, always as an attachment. One `Range` is honoured, and `If-None-Match`. */
  @Get('*path')
  @Access({ can: 'files:read' })
  @ApiOkResponse({ content: BYTES, description: 'With the content type of its name' })
  @ApiResponse({ status: 206, content: BYTES, description: 'The range that was asked for' })
  @ApiResponse({ status: 304, description: 'The client has it' })
  @ApiResponse({ status: 416, description: 'The file ends before the range begins' })
  read(
    @Id() id: string,
    @FilePath() path: WorkspacePath,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.files.read(id, path, request, response);
  }

  /** Makes the file or takes the place of the one that is there; the body is its bytes. Folders on the way are made. */
  @Put('*path')
  @TakesBytes()
  @Access({ can: 'files:create' })
  @ApiCreatedResponse({ type: WorkingFileDto, description: 'It is new' })
  @ApiOkResponse({ type: WorkingFileDto, description: 'It has taken the place of another' })
  @ApiConflictResponse({ description: 'The session is closed, or the path is that of a folder' })
  write(
    @Id() id: string,
    @FilePath() path: WorkspacePath,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WorkingFileDto> {
    return this.files.write(id, path, request, response);
  }

  /** A file, or a folder that is empty. */
  @Delete('*path')
  @HttpCode(204)
  @Access({ can: 'files:delete' })
  @ApiConflictResponse({ description: 'The session is closed, or the folder is not empty' })
  remove(@Id() id: string, @FilePath() path: WorkspacePath): Promise<void> {
    return this.files.remove(id, path);
  }
}
