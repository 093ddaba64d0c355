import { Module } from '@nestjs/common';
import { ComputeModule } from '../compute/compute.module.js';
import { DocumentParser } from './document-parser.js';
import { PdfReader } from './pdf-reader.js';

@Module({ imports: [ComputeModule], providers: [DocumentParser, PdfReader], exports: [DocumentParser, PdfReader] })
export class DocumentsModule {}
