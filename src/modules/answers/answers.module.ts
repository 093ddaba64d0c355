import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { ModelsModule } from '../models/models.module.js';
import { RagModule } from '../rag/rag.module.js';
import { AnswerWays } from './answer-ways.js';
import { AnswersController } from './answers.controller.js';
import { AnswersService } from './answers.service.js';
import { QueriesRepository } from './queries.repository.js';
import { QueriesService } from './queries.service.js';

/** Answers to questions from documents. */
@Module({
  imports: [AgentsModule, ModelsModule, RagModule],
  controllers: [AnswersController],
  providers: [AnswersService, AnswerWays, QueriesRepository, QueriesService],
})
export class AnswersModule {}
