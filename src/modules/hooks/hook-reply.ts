import { storableJson, storableText } from '../../platform/database/storable.js';
import type { HookEvent } from './hook.entity.js';

export type HookReply =
  | { readonly decision: 'go'; readonly input?: Record<string, unknown> }
  | { readonly decision: 'deny'; readonly reason: string };

/** What a hook said is not what can be said there. */
export class BadHookReply extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadHookReply';
  }
}

const LONGEST_REASON = 1_000;

/** What it gives can be stored. @throws BadHookReply for everything but what each kind of hook may answer */
export function hookReply(event: HookEvent, status: number, body: string): HookReply {
  if (status === 204) return { decision: 'go' };
  if (status < 200 || status > 299) throw new BadHookReply(`it answered with status ${status}`);
  const reply = parsed(body);
  const fields = Object.keys(reply).sort().join();
  if (fields === '') return { decision: 'go' };
  if (event === 'tool.before') {
    const { decision, reason = '', input } = reply;
    if (fields === 'input' && isObject(input)) return { decision: 'go', input: storableObject(input) };
    if (/^decision(,reason)?$/.test(fields) && decision === 'deny' && typeof reason === 'string')
      return { decision: 'deny', reason: storableText(reason.slice(0, LONGEST_REASON)) };
  }
  throw new BadHookReply(`it answered with fields that say nothing for ${event}`);
}

function parsed(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new BadHookReply('it answered with what is no JSON');
  }
  if (!isObject(value)) throw new BadHookReply('it answered with what is no JSON object');
  return value;
}

function storableObject(value: Record<string, unknown>): Record<string, unknown> {
  return storableJson(value) as Record<string, unknown>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
