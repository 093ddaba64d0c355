import { Injectable } from '@nestjs/common';
import { ModelCatalog } from '../models/model-catalog.service.js';
import { CollectionsService } from '../rag/collections/collections.service.js';
import { DEFAULT_DEFINITION, DEFAULT_LIMITS, type AgentDefinition, type ResourceLimits } from './agent-definition.js';
import { OutputSchemas } from './output-schemas.service.js';

/** Some fields of a definition, as they are asked for; null asks for the default. */
type GivenFields = { [Field in keyof Omit<AgentDefinition, 'resourceLimits'>]?: AgentDefinition[Field] | null } & {
  resourceLimits?: Partial<ResourceLimits> | null;
};

/** What a definition may say, wherever it comes from. */
@Injectable()
export class DefinitionRules {
  constructor(
    private readonly models: ModelCatalog,
    private readonly schemas: OutputSchemas,
    private readonly collections: CollectionsService,
  ) {}

  /**
   * What can be told without the agent; it may take seconds, so it is asked outside of transactions. `at` stands before
   * the names of fields.
   * @throws ValidationFailed
   */
  async check(given: GivenFields, at = ''): Promise<void> {
    if (given.model) this.models.require(given.model, `${at}model`);
    for (const [index, model] of (given.fallbackModels ?? []).entries()) {
      this.models.require(model, `${at}fallbackModels[${index}]`);
    }
    if (given.collectionIds?.length) await this.collections.requireAll(given.collectionIds, `${at}collectionIds`);
    if (given.outputSchema) await this.schemas.require(given.outputSchema, `${at}outputSchema`);
  }

  async existingCollections(ids: readonly string[]): Promise<string[]> {
    const existing = await this.collections.existing(ids);
    return ids.filter((id) => existing.has(id));
  }

  /** The given fields over the base; null resets one. */
  applied(base: AgentDefinition, given: GivenFields): AgentDefinition {
    const set = Object.entries(given as Record<string, unknown>).filter(([, value]) => value !== undefined);
    const changes = Object.fromEntries(
      set.map(([field, value]) => [field, value ?? DEFAULT_DEFINITION[field as keyof AgentDefinition]]),
    );
    const definition = { ...base, ...changes };
    if (given.collectionIds) definition.collectionIds = given.collectionIds.map((id) => id.toLowerCase());
    if (given.resourceLimits) definition.resourceLimits = { ...DEFAULT_LIMITS, ...given.resourceLimits };
    return definition;
  }
}
