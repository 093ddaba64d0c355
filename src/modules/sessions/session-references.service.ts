import { Injectable } from '@nestjs/common';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { AgentsService } from '../agents/agents.service.js';
import { ModelCatalog } from '../models/model-catalog.service.js';
import { contextFault } from './session-context.js';
import type { SessionDefinitionDto } from './sessions.dto.js';

type Checked = Pick<SessionDefinitionDto, 'agentId' | 'model' | 'context'>;

export interface DefinitionFault extends FieldError {
  field: keyof Checked;
  /** Which of the definitions. */
  index: number;
}

/** Whether what sessions and their templates are to begin with can be: what no DTO can tell alone. */
@Injectable()
export class SessionReferences {
  constructor(
    private readonly agents: AgentsService,
    private readonly models: ModelCatalog,
  ) {}

  /** @throws ValidationFailed */
  async require(definition: Checked): Promise<void> {
    const faults = await this.faults([definition]);
    if (faults.length > 0) throw new ValidationFailed(faults.map(({ index: _index, ...fault }) => fault));
  }

  /** Of all definitions at once: agents are asked for in one statement. */
  async faults(definitions: readonly Checked[]): Promise<DefinitionFault[]> {
    const named = definitions.flatMap(({ agentId }) => (agentId ? [agentId.toLowerCase()] : []));
    const agents = await this.agents.existing(new Set(named));
    return definitions.flatMap(({ agentId, model, context }, index) => {
      const faults: DefinitionFault[] = [];
      if (agentId && !agents.has(agentId.toLowerCase()))
        faults.push({ index, field: 'agentId', message: 'There is no such agent', value: agentId });
      if (model && !this.models.find(model))
        faults.push({ index, field: 'model', message: `model must be one of the known models: ${this.known()}` });
      const tooLarge = context ? contextFault(context) : null;
      if (tooLarge !== null) faults.push({ index, field: 'context', message: tooLarge });
      return faults;
    });
  }

  private known(): string {
    return this.models.knownNames().join(', ');
  }
}
