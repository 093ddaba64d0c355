import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { AccessDenied, Conflict, NotFound } from '../../contracts/errors.js';
import { roleAtLeast, type Role } from '../../contracts/permissions.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { hashPassword } from '../../platform/crypto/passwords.js';
import { violatesForeignKey, violatesUnique } from '../../platform/database/database-errors.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { AccountsRepository } from './accounts.repository.js';
import { nameOf } from './email-address.dto.js';
import type { AddMemberDto, ListMembersQuery, MemberDto, MemberPage, UpdateMemberDto } from './members.dto.js';
import { MembersRepository, type LockedMember, type MemberRow } from './members.repository.js';

/** The same address added in several tenants at once: each collision leaves one fewer to collide with. */
const ADD_ATTEMPTS = 3;

/** Called in the transaction that removes a member, who is still there; what it gives is called after the commit. */
export type Departure = (userId: string) => Promise<() => Promise<void>>;

/** Who belongs to the current tenant. Nobody grants a role above their own, nor touches someone who has one. */
@Injectable()
export class MembersService {
  private readonly departures: Departure[] = [];

  constructor(
    private readonly members: MembersRepository,
    private readonly accounts: AccountsRepository,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** For what goes with a membership and is not only rows of ours. Said while the application starts. */
  onDeparture(departure: Departure): void {
    this.departures.push(departure);
  }

  async list(query: ListMembersQuery): Promise<MemberPage> {
    const rows = await this.members.list(this.cursors.id(query.cursor), query.limit + 1);
    return this.cursors.page(rows, query.limit, shown);
  }

  /** Those of them that belong to the tenant, or are asked to. */
  async among(userIds: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await this.members.among(userIds));
  }

  /** @throws NotFound */
  async get(userId: string): Promise<MemberDto> {
    return shown(await this.require(userId));
  }

  /** @throws NotFound */
  async require(userId: string): Promise<MemberRow> {
    const member = await this.members.find(userId);
    if (!member) throw new NotFound('Member');
    return member;
  }

  /**
   * A user who exists has to accept, and keeps password and name; somebody new is a member at once. Without a password
   * they can't sign in until they have set one.
   * @throws AccessDenied, Conflict
   */
  async add(dto: AddMemberDto): Promise<MemberDto> {
    assertNotAbove(dto.role);
    // Hashed for known users too: how long an answer takes must not tell who is one.
    const passwordHash = dto.password == null ? null : await hashPassword(dto.password);
    for (let attempt = 1; ; attempt++) {
      const [known] = await this.accounts.findByEmail(dto.email);
      try {
        const userId = known ? await this.invite(known.userId, dto) : await this.bringIn(dto, passwordHash);
        return await this.get(userId);
      } catch (error) {
        if (attempt === ADD_ATTEMPTS || !isCollision(error)) throw error;
      }
    }
  }

  /** @throws NotFound, AccessDenied, Conflict */
  async change(userId: string, { role }: UpdateMemberDto): Promise<MemberDto> {
    await this.db.run(async () => {
      const member = await this.lock(userId, role);
      if (member.role === role) return;
      await this.members.setRole(userId, role);
      await this.events.publish('member.updated', {
        resourceType: 'member',
        resourceId: userId,
        payload: { userId, role },
        changes: { role, formerRole: member.role },
      });
    });
    return this.get(userId);
  }

  /** @throws NotFound, AccessDenied, Conflict */
  async remove(userId: string): Promise<void> {
    const afterwards = await this.db.run(async () => {
      await this.lock(userId, null);
      const finishes = await Promise.all(this.departures.map((departure) => departure(userId)));
      await this.members.remove(userId);
      await this.events.publish('member.removed', {
        resourceType: 'member',
        resourceId: userId,
        payload: { userId },
      });
      return finishes;
    });
    await this.accounts.forgetIfUnheld(userId);
    await Promise.all(afterwards.map((finish) => finish()));
  }

  /** Makes the current tenant the one that the user's next login goes to by itself. */
  async noteLogin(userId: string): Promise<void> {
    await this.members.noteLogin(userId);
  }

  /** @throws Conflict */
  private async invite(userId: string, { role }: AddMemberDto): Promise<string> {
    await this.db.run(async () => {
      const invited = await this.members.invite({ id: v7(), userId, role });
      if (!invited) throw new Conflict('This person is a member or invited already');
      await this.publishAdded(userId, role, 'pending');
    });
    return userId;
  }

  private async bringIn({ email, name, role }: AddMemberDto, passwordHash: string | null): Promise<string> {
    const userId = v7();
    await this.db.run(async () => {
      await this.members.bringIn({ id: v7(), userId, role, email, name: name ?? nameOf(email), passwordHash });
      await this.publishAdded(userId, role, 'active');
    });
    return userId;
  }

  private async publishAdded(userId: string, role: Role, status: 'active' | 'pending'): Promise<void> {
    await this.events.publish('member.added', {
      resourceType: 'member',
      resourceId: userId,
      payload: { userId, role, status },
      changes: { role },
    });
  }

  /** Locks a member whose role is about to become `next`, null for a removal. */
  private async lock(userId: string, next: Role | null): Promise<LockedMember> {
    const { member, activeOwners } = await this.members.lockWithOwners(userId);
    if (!member) throw new NotFound('Member');
    assertNotAbove(member.role);
    if (next) assertNotAbove(next);
    const isOwner = member.role === 'owner' && member.status === 'active';
    if (isOwner && next !== 'owner' && activeOwners === 1) {
      throw new Conflict('The last owner can be neither removed nor demoted');
    }
    return member;
  }
}

/** @throws AccessDenied */
function assertNotAbove(role: Role): void {
  const own = currentTenantActor().role;
  if (own === null || !roleAtLeast(own, role)) {
    throw new AccessDenied(`The role ${role} is above your own`, { details: { role } });
  }
}

/** Somebody else brought the same user in, or the last tenant let them go, just now. */
function isCollision(error: unknown): boolean {
  return violatesUnique(error, 'users_email_key') || violatesForeignKey(error, 'memberships_user_id_fkey');
}

function shown({ id: _id, createdAt, ...member }: MemberRow): MemberDto {
  return { ...member, createdAt: createdAt.toISOString() };
}
