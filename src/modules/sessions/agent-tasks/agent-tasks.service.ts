import { Injectable } from '@nestjs/common';
import { NotFound } from '../../../contracts/errors.js';
import { Cursors } from '../../../platform/http/pagination.js';
import {
  shownAgentMessage,
  shownTask,
  type AgentMessagePage,
  type AgentTaskDto,
  type AgentTaskPage,
  type ListAgentMessagesQuery,
  type ListAgentTasksQuery,
} from './agent-tasks.dto.js';
import { AgentTasksRepository } from './agent-tasks.repository.js';

/** The record of what agents asked of agents. */
@Injectable()
export class AgentTasksService {
  constructor(
    private readonly tasks: AgentTasksRepository,
    private readonly cursors: Cursors,
  ) {}

  /** @throws NotFound */
  async get(id: string): Promise<AgentTaskDto> {
    const task = await this.tasks.findVisible(id);
    if (!task) throw new NotFound('Agent task');
    return shownTask(task);
  }

  async list({ cursor, limit, runId: parentRunId, ...filter }: ListAgentTasksQuery): Promise<AgentTaskPage> {
    const before = this.cursors.id(cursor);
    const rows = await this.tasks.list({ ...filter, parentRunId, before, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownTask);
  }

  async messages({ cursor, limit, taskId }: ListAgentMessagesQuery): Promise<AgentMessagePage> {
    const before = this.cursors.id(cursor);
    const rows = await this.tasks.messages({ taskId, before, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownAgentMessage);
  }
}
