import { Injectable } from '@nestjs/common';
import { ToolRegistry, type Offer } from '../../tools/tool-registry.service.js';
import { KNOWLEDGE_TOOL } from '../../tools/tool-passages.js';
import { CLIENT_TOOLS } from '../client-tools/client-tools.source.js';
import type { PinnedRun } from '../runs/run.js';

/** The tools that a run is given. */
@Injectable()
export class RunTools {
  constructor(private readonly registry: ToolRegistry) {}

  async of({
    tools: named,
    clientTools = [],
    collectionIds = [],
    disabledTools = [],
  }: PinnedRun): Promise<Omit<Offer, 'isDisabled'>> {
    const disabled = new Set(disabledTools);
    const patterns = named.filter((pattern) => !disabled.has(pattern));
    if (clientTools.length > 0) patterns.push(CLIENT_TOOLS);
    if (collectionIds.length > 0) patterns.push(KNOWLEDGE_TOOL);
    const { tools, unavailable } = await this.registry.offer(patterns, { clientTools, collectionIds });
    if (disabled.size === 0) return { tools, unavailable };
    // What stands for others is there for those that are not disabled, and has no name of its own to disable.
    const given = [...tools].filter(([name, { definition }]) => definition.standsForAll || !disabled.has(name));
    return { tools: new Map(given), unavailable };
  }
}
