import { Module } from '@nestjs/common';
import { BoundedWork } from './bounded-work.js';

@Module({ providers: [BoundedWork], exports: [BoundedWork] })
export class ComputeModule {}
