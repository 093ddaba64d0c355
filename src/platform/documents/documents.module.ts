import { Module } from '@nestjs/common';
import { ComputeModule } from '../compute/compute.module.js';
import { PdfReader } from './pdf-reader.js';

@Module({ imports: [ComputeModule], providers: [PdfReader], exports: [PdfReader] })
export class DocumentsModule {}
