import { Injectable } from '@nestjs/common';
import { ToolRegistry, type Offer } from '../../tools/tool-registry.service.js';
import { CLIENT_TOOLS } from '../client-tools/client-tools.source.js';
import type { PinnedRun } from '../runs/run.js';

/** The tools that a run is given. */
@Injectable()
export class RunTools {
  constructor(private readonly registry: ToolRegistry) {}

  async of({ tools: named, clientTools = [], disabledTools = [] }: PinnedRun): Promise<Omit<Offer, 'isDisabled'>> {
    const patterns = clientTools.length > 0 ? [...named, CLIENT_TOOLS] : named;
    const { tools, unavailable } = await this.registry.offer(patterns, { clientTools });
    if (disabledTools.length === 0) return { tools, unavailable };
    const disabled = new Set(disabledTools);
    return { tools: new Map([...tools].filter(([name]) => !disabled.has(name))), unavailable };
  }
}
