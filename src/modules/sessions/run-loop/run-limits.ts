import type { ResourceLimits } from '../../agents/agent-definition.js';
import type { CatalogModel } from '../../models/model-catalog.service.js';
import type { RunError } from '../runs/run.js';
import type { UsageDto } from '../usage.dto.js';
import { totalTokens } from '../usage.js';

/** The limit that forbids another model call, if any. */
export function exceededLimit(limits: ResourceLimits, turns: number, usage: UsageDto): RunError | null {
  if (limits.maxTurns !== null && turns >= limits.maxTurns) {
    return limitError('max_turns_exceeded', `The run reached its limit of ${limits.maxTurns} model calls`);
  }
  if (limits.maxTokens !== null && totalTokens(usage) >= limits.maxTokens) {
    return limitError('max_tokens_exceeded', `The run reached its limit of ${limits.maxTokens} tokens`);
  }
  if (limits.maxCostMicros !== null && usage.costMicros >= limits.maxCostMicros) {
    return limitError('max_cost_exceeded', `The run reached its limit of ${limits.maxCostMicros} micro-dollars`);
  }
  return null;
}

export interface OutputBudget {
  tokens: number;
  /** The limit that set it, or null when it is just what the model can give. */
  limitedBy: 'max_tokens_exceeded' | 'max_cost_exceeded' | null;
}

/**
 * Tokens the next call may generate. `inputTokens` is an estimate of what it reads, all of which may turn out to be
 * written to the cache, the dearest way. 0 when not even its input is within the limits.
 */
export function outputBudget(
  limits: ResourceLimits,
  usage: UsageDto,
  inputTokens: number,
  model: Pick<CatalogModel, 'maxOutputTokens' | 'prices'>,
): OutputBudget {
  let budget: OutputBudget = { tokens: model.maxOutputTokens, limitedBy: null };
  if (limits.maxTokens !== null) {
    budget = tighter(budget, limits.maxTokens - totalTokens(usage) - inputTokens, 'max_tokens_exceeded');
  }
  const { longPrompt } = model.prices;
  const prices = longPrompt && inputTokens > longPrompt.aboveTokens ? longPrompt : model.prices;
  if (limits.maxCostMicros !== null && prices.outputMicros > 0) {
    const inputMicros = inputTokens * Math.max(prices.inputMicros, prices.cacheWriteMicros);
    // Both sides in micro-dollars per million tokens, as the prices are.
    const leftMicros = (limits.maxCostMicros - usage.costMicros) * 1_000_000 - inputMicros;
    budget = tighter(budget, Math.floor(leftMicros / prices.outputMicros), 'max_cost_exceeded');
  }
  return budget;
}

/** Tokens that the run may still take in, all limits considered. */
export function tokensLeft(limits: ResourceLimits, usage: UsageDto, { prices }: Pick<CatalogModel, 'prices'>): number {
  const byTokens = limits.maxTokens === null ? Infinity : limits.maxTokens - totalTokens(usage);
  const micros = Math.max(prices.inputMicros, prices.cacheWriteMicros);
  const byCost =
    limits.maxCostMicros === null || micros === 0
      ? Infinity
      : ((limits.maxCostMicros - usage.costMicros) * 1_000_000) / micros;
  return Math.max(0, Math.min(byTokens, byCost));
}

function tighter(budget: OutputBudget, tokens: number, limitedBy: OutputBudget['limitedBy']): OutputBudget {
  return tokens < budget.tokens ? { tokens: Math.max(tokens, 0), limitedBy } : budget;
}

/** A limit was met in the middle of a model call. */
export class LimitReached extends Error {
  constructor(readonly runError: RunError) {
    super(runError.message);
  }
}

export function limitError(code: string, message: string): RunError {
  return { code, message };
}
