import { Body, Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiForbiddenResponse, ApiOkResponse, ApiResponse } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { TakesUpload } from '../../../platform/http/takes-upload.decorator.js';
import { FileDto, UploadFileDto } from './files.dto.js';
import { FilesService } from './files.service.js';

const BYTES = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

@Controller('files')
@PathResource(FilesService, 'get')
export class FilesController {
  constructor(private readonly files: FilesService) {}

  /** Upload a file, to be named in messages. Until one does, only its uploader sees it. */
  @Post()
  @TakesUpload()
  @Access({ can: 'files:create' })
  @Replay((controller: FilesController, id) => controller.get(id))
  create(@Body() dto: UploadFileDto): Promise<FileDto> {
    return this.files.add(dto.file);
  }

  @Get(':id')
  @Access({ can: 'files:read' })
  get(@Id() id: string): Promise<FileDto> {
    return this.files.get(id);
  }

  /** The bytes, always as an attachment. One `Range` is honoured, and `If-None-Match`. */
  @Get(':id/content')
  @Access({ can: 'files:read' })
  @ApiOkResponse({ content: BYTES, description: 'With the content type that was found in the file' })
  @ApiResponse({ status: 206, content: BYTES, description: 'The range that was asked for' })
  @ApiResponse({ status: 304, description: 'The client has it' })
  @ApiResponse({ status: 416, description: 'The file ends before the range begins' })
  content(@Id() id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    return this.files.content(id, request, response);
  }

  /** For its uploader, owners and admins. Messages that used it go on naming it. */
  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'files:delete' })
  @ApiForbiddenResponse({ description: "Someone else's" })
  remove(@Id() id: string): Promise<void> {
    return this.files.remove(id);
  }
}
