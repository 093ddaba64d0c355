import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Conflict, NotFound, ValidationFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Sealing } from '../../platform/crypto/sealing.js';
import { Db } from '../../platform/database/db.js';
import { AddressRules } from '../../platform/egress/address-rules.js';
import { Events } from '../../platform/events/events.js';
import { Cursors, type PageQuery } from '../../platform/http/pagination.js';
import { Live } from '../../platform/live/live.js';
import { newWebhookSecret } from '../../platform/webhooks/standard-webhooks.js';
import { placeOfSecret } from './hook-caller.js';
import type { HookEntity } from './hook.entity.js';
import type { CreateHookDto, HookDto, HookPage, NewHookDto, UpdateHookDto } from './hooks.dto.js';
import { HooksRepository } from './hooks.repository.js';

const DEFAULT_TIMEOUT_MS = 5_000;
/** Each call of a tool may wait for all of them. */
const MOST_HOOKS = 50;

type Settable = Pick<HookEntity, 'event' | 'url' | 'tools' | 'timeoutMs' | 'onError' | 'enabled'>;

@Injectable()
export class HooksService {
  constructor(
    private readonly hooks: HooksRepository,
    private readonly rules: AddressRules,
    private readonly sealing: Sealing,
    private readonly events: Events,
    private readonly live: Live,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed, Conflict */
  async create(dto: CreateHookDto): Promise<NewHookDto> {
    const { tenantId, userId } = currentTenantActor();
    const now = new Date();
    const secret = newWebhookSecret();
    const id = v7();
    const hook: HookEntity = {
      ...{ tenantId, id, ...this.settled(dto, dto), createdBy: userId, createdAt: now, updatedAt: now },
      sealedSecret: this.sealing.seal(secret, placeOfSecret({ tenantId, id })),
    };
    await this.db.run(async () => {
      if ((await this.hooks.count()) >= MOST_HOOKS) throw new Conflict(`There are ${MOST_HOOKS} hooks already`);
      await this.hooks.add(hook);
      await this.published('hook.created', hook, { ...dto });
    });
    return { ...shown(hook), secret };
  }

  /** @throws NotFound */
  async get(id: string): Promise<HookDto> {
    const hook = await this.hooks.find(id);
    if (!hook) throw new NotFound('Hook');
    return shown(hook);
  }

  async list(query: PageQuery): Promise<HookPage> {
    const rows = await this.hooks.list(this.cursors.id(query.cursor), query.limit + 1);
    return this.cursors.page(rows, query.limit, shown);
  }

  /** @throws NotFound, ValidationFailed */
  async update(id: string, dto: UpdateHookDto): Promise<HookDto> {
    return this.db.run(async () => {
      const hook = await this.hooks.findForUpdate(id);
      if (!hook) throw new NotFound('Hook');
      const given = Object.entries(dto).filter(([, value]) => value !== undefined);
      Object.assign(hook, this.settled({ ...hook, ...(Object.fromEntries(given) as UpdateHookDto) }, dto));
      hook.updatedAt = new Date();
      await this.hooks.change(hook);
      await this.published('hook.updated', hook, { ...dto });
      return shown(hook);
    });
  }

  /** @throws NotFound */
  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      const hook = await this.hooks.findForUpdate(id);
      if (!hook || !(await this.hooks.remove(id))) throw new NotFound('Hook');
      await this.published('hook.deleted', hook, null);
    });
  }

  /** With the defaults of what is not said. @throws ValidationFailed */
  private settled(of: CreateHookDto, given: UpdateHookDto): Settable {
    const { event, url, tools = null, timeoutMs, onError, enabled } = of;
    if (given.url !== undefined) this.rules.assertAddressable(url, 'url');
    if (tools !== null && !event.startsWith('tool.'))
      throw ValidationFailed.of('tools', `tools can not be named for ${event}`, tools);
    return {
      ...{ event, url, tools },
      timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
      // Who asks before a call means it as a gate, which does not stand open while the keeper is away.
      onError: onError ?? (event === 'tool.before' ? 'deny' : 'allow'),
      enabled: enabled ?? true,
    };
  }

  private async published(
    action: 'hook.created' | 'hook.updated' | 'hook.deleted',
    { tenantId, id, event }: HookEntity,
    changes: Record<string, unknown> | null,
  ): Promise<void> {
    this.db.afterCommit(() => this.live.signal('hooks.changed', { tenantId }));
    await this.events.publish(action, { resourceType: 'hook', resourceId: id, payload: { event }, changes });
  }
}

function shown(hook: HookEntity): HookDto {
  const { id, event, url, tools, timeoutMs, onError, enabled, createdBy } = hook;
  return {
    ...{ id, event, url, tools, timeoutMs, onError, enabled, createdBy },
    createdAt: hook.createdAt.toISOString(),
    updatedAt: hook.updatedAt.toISOString(),
  };
}
