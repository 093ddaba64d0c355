import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { MAX_FAULTS } from '../../platform/http/field-errors.js';
import { SessionReferences, type DefinitionFault } from './session-references.service.js';
import { givenTitle } from './session-title.js';
import type { SessionEntity } from './session.entity.js';
import type { CreateSessionDto, SessionDefinitionDto } from './sessions.dto.js';
import { SessionTemplatesRepository } from './templates/session-templates.repository.js';
import { NO_USAGE } from './usage.js';

export type NewSession = Omit<SessionEntity, 'tenantId'>;

/** Makes sessions of what bodies and the templates they name say; storing them is for the caller. */
@Injectable()
export class SessionDrafts {
  constructor(
    private readonly templates: SessionTemplatesRepository,
    private readonly references: SessionReferences,
  ) {}

  /**
   * One for each body. `above` is what the path of a body's fields begins with, such as `[2].`.
   * @throws ValidationFailed with the faults of all
   */
  async of(bodies: readonly CreateSessionDto[], above: (index: number) => string = () => ''): Promise<NewSession[]> {
    const named = bodies.flatMap(({ templateId }) => (templateId ? [templateId.toLowerCase()] : []));
    const templates = await this.templates.definitions(new Set(named));
    const faults: FieldError[] = [];
    const definitions = bodies.map(({ templateId, ...given }, index): SessionDefinitionDto => {
      const template = templateId ? templates.get(templateId.toLowerCase()) : {};
      if (!template)
        faults.push({ field: `${above(index)}templateId`, message: 'There is no such template', value: templateId });
      return { ...template, ...given };
    });
    for (const fault of await this.references.faults(definitions)) {
      const isOwn = bodies[fault.index]?.[fault.field] !== undefined;
      faults.push(isOwn ? ownFault(fault, above(fault.index)) : templateFault(fault, above(fault.index)));
    }
    if (faults.length > 0) throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
    const { userId } = currentTenantActor();
    return definitions.map((definition) => newSession(definition, userId));
  }
}

function ownFault({ field, message, value }: DefinitionFault, above: string): FieldError {
  return {
    field: above + field,
    message: message.startsWith(`${field} `) ? above + message : message,
    ...(value === undefined ? {} : { value }),
  };
}

/** It was right when the template was made. */
function templateFault({ field }: DefinitionFault, above: string): FieldError {
  const what = field === 'agentId' ? 'an agent that was deleted' : `a ${field} that can not be used any more`;
  return { field: `${above}templateId`, message: `The template names ${what}` };
}

export function newSession(definition: SessionDefinitionDto, createdBy: string | null): NewSession {
  const now = new Date();
  const { estimated: usageEstimated, ...usage } = NO_USAGE;
  return {
    id: v7(),
    agentId: definition.agentId?.toLowerCase() ?? null,
    createdBy,
    title: givenTitle(definition.title),
    pattern: definition.pattern ?? 'chatbot',
    visibility: definition.visibility ?? 'private',
    status: 'created',
    model: definition.model ?? null,
    systemPrompt: definition.systemPrompt ?? null,
    tools: definition.tools ?? null,
    permissionPolicy: definition.permissionPolicy ?? null,
    context: definition.context ?? {},
    clientTools: definition.clientTools ?? [],
    metadata: definition.metadata ?? {},
    forkedFromSessionId: null,
    forkedFromMessageId: null,
    rootSessionId: null,
    parentRunId: null,
    messageCount: 0,
    lastPosition: 0,
    ...usage,
    usageEstimated,
    lastActivityAt: now,
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
  };
}
