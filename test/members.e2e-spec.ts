import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields, type Ids, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { Given, type Tenant } from './given.js';

interface Member {
  userId: string;
  name: string;
  status: string;
}

let app: TestApp;
let given: Given;
let anyone: Client;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  anyone = new Client(app.url);
});
afterAll(() => app.close());

const PASSWORD = 'a long enough password';
const address = (): string => `${randomUUID().slice(0, 8)}@people.example.com`;

/** A second owner of the tenant, who has signed in. */
async function secondOwner(tenant: Tenant): Promise<{ userId: string; as: Client }> {
  const email = address();
  await tenant.as.post('/members', { email, role: 'owner', password: PASSWORD }).expect(201);
  return given.login(email, PASSWORD);
}

describe('a member who is new to the installation', () => {
  it('is active at once and can sign in with the password given', async () => {
    const { as, slug } = await given.tenant();
    const email = address();
    const added = await as
      .post('/members', { email: email.toUpperCase(), role: 'member', password: PASSWORD, name: 'Ada' })
      .expect(201);
    expect(added.json()).toEqual({
      userId: expect.any(String),
      email,
      name: 'Ada',
      role: 'member',
      status: 'active',
      createdAt: expect.any(String),
    });
    const person = await given.login(email, PASSWORD);
    expect((await person.as.get('/auth/me')).json()).toMatchObject({
      tenant: { slug },
      role: 'member',
      superadmin: false,
    });
  });

  it('is listed, shown and named after their address where no name is given', async () => {
    const { as, owner } = await given.tenant();
    const { userId } = (
      await as.post('/members', { email: 'Grace.H@people.example.com', role: 'viewer' }).expect(201)
    ).json<Member>();
    const shown = (await as.get(`/members/${userId}`).expect(200)).json<Member>();
    expect(shown).toMatchObject({ userId, email: 'grace.h@people.example.com', name: 'grace.h', role: 'viewer' });
    const list = (await as.get('/members').expect(200)).json<Listed<Member>>();
    expect(list.data.map((member) => member.userId)).toEqual([userId, owner.userId]);
    expect(list.data[0]).toEqual(shown);
  });

  it('without a password can not sign in', async () => {
    const { as } = await given.tenant();
    const email = address();
    await as.post('/members', { email, role: 'member', password: null, name: null }).expect(201);
    for (const password of ['null', 'undefined', PASSWORD])
      await anyone.post('/auth/login', { email, password }).expect(401);
  });

  it('is added once, also by two requests with one idempotency key', async () => {
    const { as } = await given.tenant();
    const body = { email: address(), role: 'member', password: PASSWORD };
    const key = { 'idempotency-key': randomUUID() };
    const first = await as.post('/members', body, key).expect(201);
    const again = await as.post('/members', body, key).expect(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.json()).toEqual(first.json());
    expect((await as.post('/members', body).expect(409)).json()).toMatchObject({ code: 'conflict' });
  });

  it('is one user when several tenants add the address at once', async () => {
    const tenants = await Promise.all([given.tenant(), given.tenant(), given.tenant()]);
    const email = address();
    const answers = await Promise.all(
      tenants.map(({ as }) => as.post('/members', { email, role: 'member', password: PASSWORD }).expect(201)),
    );
    const added = answers.map((answer) => answer.json<Member>());
    expect(new Set(added.map(({ userId }) => userId)).size).toBe(1);
    expect(added.map(({ status }) => status).sort()).toEqual(['active', 'pending', 'pending']);
  });
});

describe('a member who is a user already', () => {
  it('keeps password and name, is pending, and sees nothing of the tenant until they accept', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    const before = (await person.as.get('/auth/me')).json<{ user: { name: string } }>();
    const { email } = person;
    const body = { email, role: 'admin', password: 'a password of the attacker', name: 'Mallory' };
    const invited = (await second.as.post('/members', body).expect(201)).json<Member>();
    expect(invited).toMatchObject({ userId: person.userId, email, role: 'admin', status: 'pending' });
    expect(invited.name).not.toBe(before.user.name);

    await anyone.post('/auth/login', { email, password: body.password }).expect(401);
    await anyone.post('/auth/login', { email, password: person.password, tenant: second.slug }).expect(401);
    await person.as.post('/auth/switch-tenant', { tenant: second.slug }).expect(422);
    expect((await person.as.get('/auth/me')).json()).toEqual(before);
    expect((await (await given.login(email, person.password)).as.get('/auth/me')).json()).toEqual(before);
  });

  it('accepts, and belongs to both tenants from then on', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    await second.as.post('/members', { email: person.email, role: 'admin' }).expect(201);
    const list = (await person.as.get('/auth/invitations').expect(200)).json<Ids>();
    expect(list).toEqual({
      data: [
        {
          id: expect.any(String),
          tenant: { id: second.tenantId, name: second.slug, slug: second.slug },
          role: 'admin',
          createdAt: expect.any(String),
        },
      ],
    });
    const accepted = (await person.as.post(`/auth/invitations/${list.data[0]!.id}/accept`).expect(200)).json();
    expect(accepted).toMatchObject({
      tenant: { id: second.tenantId },
      userId: person.userId,
      role: 'admin',
      status: 'active',
    });
    expect((await person.as.get('/auth/invitations')).json()).toEqual({ data: [] });
    await person.as.post(`/auth/invitations/${list.data[0]!.id}/accept`).expect(409);
    const there = await given.login(person.email, person.password, second.slug);
    expect((await there.as.get('/auth/me')).json()).toMatchObject({ role: 'admin', user: { name: 'member' } });
    expect((await second.as.get(`/members/${person.userId}`)).json()).toMatchObject({
      status: 'active',
      name: 'member',
    });
  });

  it('has an invitation that nobody else can accept or see', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    await second.as.post('/members', { email: person.email, role: 'member' }).expect(201);
    const { data } = (await person.as.get('/auth/invitations')).json<Ids>();
    for (const other of [first.as, second.as]) {
      expect((await other.get('/auth/invitations')).json()).toEqual({ data: [] });
      await other.post(`/auth/invitations/${data[0]!.id}/accept`).expect(404);
    }
    await person.as.post('/auth/invitations/nonsense/accept').expect(404);
    await person.as.post(`/auth/invitations/${randomUUID()}/accept`).expect(404);
    expect((await person.as.get('/auth/invitations')).json()).toMatchObject({ data: [{ id: data[0]!.id }] });
  });

  it('is not added twice, neither invited nor accepted', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    const body = { email: person.email, role: 'member' };
    await second.as.post('/members', body).expect(201);
    await second.as.post('/members', body).expect(409);
    await first.as.post('/members', body).expect(409);
  });

  it('can be uninvited', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    await second.as.post('/members', { email: person.email, role: 'member' }).expect(201);
    const { data } = (await person.as.get('/auth/invitations')).json<Ids>();
    await second.as.delete(`/members/${person.userId}`).expect(204);
    expect((await person.as.get('/auth/invitations')).json()).toEqual({ data: [] });
    await person.as.post(`/auth/invitations/${data[0]!.id}/accept`).expect(404);
    await person.as.get('/auth/me').expect(200);
  });
});

describe('a user whom the last tenant removed', () => {
  it('is forgotten: added again they are somebody new', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    await tenant.as.delete(`/members/${person.userId}`).expect(204);
    const body = { email: person.email, role: 'member', password: 'another long password' };
    const again = (await tenant.as.post('/members', body).expect(201)).json<Member>();
    expect(again).toMatchObject({ status: 'active' });
    expect(again.userId).not.toBe(person.userId);
    await anyone.post('/auth/login', { email: person.email, password: person.password }).expect(401);
    await anyone.post('/auth/login', { email: person.email, password: body.password }).expect(200);
    await person.as.get('/auth/me').expect(401);
  });

  it('stays what they are in others', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    await second.as.post('/members', { email: person.email, role: 'member' }).expect(201);
    await second.as.delete(`/members/${person.userId}`).expect(204);
    await anyone.post('/auth/login', { email: person.email, password: person.password }).expect(200);
  });
});

describe('the last owner', () => {
  it('is neither removed nor demoted, not even by themselves', async () => {
    const { as, owner } = await given.tenant();
    expect((await as.delete(`/members/${owner.userId}`).expect(409)).json()).toMatchObject({ code: 'conflict' });
    await as.patch(`/members/${owner.userId}`, { role: 'admin' }).expect(409);
    await as.patch(`/members/${owner.userId}`, { role: 'owner' }).expect(200);
    expect((await as.get('/auth/me')).json()).toMatchObject({ role: 'owner' });
  });

  it('is still the last while another one has only been invited', async () => {
    const [tenant, other] = [await given.tenant(), await given.tenant()];
    await tenant.as.post('/members', { email: other.owner.email, role: 'owner' }).expect(201);
    await tenant.as.delete(`/members/${tenant.owner.userId}`).expect(409);
  });

  it('may go when there is another', async () => {
    const tenant = await given.tenant();
    const second = await secondOwner(tenant);
    await tenant.as.delete(`/members/${tenant.owner.userId}`).expect(204);
    await tenant.as.get('/auth/me').expect(401);
    await second.as.delete(`/members/${second.userId}`).expect(409);
  });

  it.each(['removed', 'demoted'])('is left over when both are %s at once', async (how) => {
    const tenant = await given.tenant();
    const second = await secondOwner(tenant);
    const ends = [tenant.owner.userId, second.userId].map((userId) =>
      how === 'removed'
        ? tenant.as.delete(`/members/${userId}`)
        : tenant.as.patch(`/members/${userId}`, { role: 'viewer' }),
    );
    const statuses = (await Promise.all(ends)).map(({ status }) => status);
    expect(statuses.filter((status) => status < 300)).toHaveLength(1);
    // The other one came too late, or from somebody who was no owner any more.
    expect(statuses.some((status) => [401, 403, 409].includes(status))).toBe(true);
  });
});

describe('nobody', () => {
  it('grants a role above their own', async () => {
    const tenant = await given.tenant();
    const admin = await given.member(tenant, 'admin');
    const member = await given.member(tenant, 'member');
    await admin.as.post('/members', { email: address(), role: 'owner', password: PASSWORD }).expect(403);
    await admin.as.patch(`/members/${member.userId}`, { role: 'owner' }).expect(403);
    await admin.as.patch(`/members/${admin.userId}`, { role: 'owner' }).expect(403);
    const refused = await admin.as.patch(`/members/${member.userId}`, { role: 'owner' }).expect(403);
    expect(refused.json()).toMatchObject({ code: 'authorization_error', details: { role: 'owner' } });
    await admin.as.patch(`/members/${member.userId}`, { role: 'admin' }).expect(200);
  });

  it('changes or removes somebody above themselves', async () => {
    const tenant = await given.tenant();
    const admin = await given.member(tenant, 'admin');
    await secondOwner(tenant);
    await admin.as.patch(`/members/${tenant.owner.userId}`, { role: 'viewer' }).expect(403);
    await admin.as.delete(`/members/${tenant.owner.userId}`).expect(403);
    await tenant.as.get('/auth/me').expect(200);
  });

  it('below admin sees or touches members', async () => {
    const tenant = await given.tenant();
    const member = await given.member(tenant, 'member');
    await member.as.get('/members').expect(403);
    await member.as.get(`/members/${member.userId}`).expect(403);
    await member.as.post('/members', { email: address(), role: 'viewer' }).expect(403);
    await member.as.patch(`/members/${member.userId}`, { role: 'viewer' }).expect(403);
    await member.as.delete(`/members/${tenant.owner.userId}`).expect(403);
  });
});

describe('a member of another tenant', () => {
  it('does not exist here', async () => {
    const [mine, other] = [await given.tenant(), await given.tenant()];
    const path = `/members/${other.owner.userId}`;
    for (const answer of [
      await mine.as.get(path).expect(404),
      await mine.as.patch(path, { role: 'viewer' }).expect(404),
      // The path is looked at before the body.
      await mine.as.patch(path, { role: 'emperor' }).expect(404),
      await mine.as.delete(path).expect(404),
    ]) {
      expect(answer.text).not.toContain(other.owner.email);
    }
    await mine.as.get('/members/not-a-uuid').expect(404);
    expect((await mine.as.get('/members')).text).not.toContain(other.owner.userId);
    await other.as.get('/auth/me').expect(200);
  });
});

describe('a body', () => {
  it.each([
    [{ role: 'member' }, 'email'],
    [{ email: 'not an address', role: 'member' }, 'email'],
    [{ email: 'a@b.example' }, 'role'],
    [{ email: 'a@b.example', role: 'superadmin' }, 'role'],
    [{ email: 'a@b.example', role: 'member', password: 'short' }, 'password'],
    [{ email: 'a@b.example', role: 'member', password: 'x'.repeat(201) }, 'password'],
    [{ email: 'a@b.example', role: 'member', name: '' }, 'name'],
    [{ email: 'a@b.example', role: 'member', name: 'x'.repeat(201) }, 'name'],
    [{ email: 'a@b.example', role: 'member', name: 'a\u0000b' }, 'name'],
    [{ email: 'a@b.example', role: 'member', status: 'active' }, 'status'],
    [{ email: 'a@b.example', role: 'member', userId: randomUUID() }, 'userId'],
    [{ email: 'a@b.example', role: 'member', tenantId: randomUUID() }, 'tenantId'],
    [{ email: 'a@b.example', role: 'member', superadmin: true }, 'superadmin'],
  ])('of a new member is refused: %j', async (body, field) => {
    const { as } = await given.tenant();
    expect(faultyFields(await as.post('/members', body).expect(422))).toContain(field);
  });

  it.each([
    [{}, 'role'],
    [{ role: 'member', name: 'x' }, 'name'],
    [{ role: 'member', email: 'a@b.example' }, 'email'],
    [{ role: 'member', password: 'a long password' }, 'password'],
    [{ role: 'member', status: 'active' }, 'status'],
  ])('of a change takes the role alone: %j', async (body, field) => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'viewer');
    expect(faultyFields(await tenant.as.patch(`/members/${person.userId}`, body).expect(422))).toContain(field);
    expect((await tenant.as.get(`/members/${person.userId}`)).json()).toMatchObject({ role: 'viewer' });
  });
});

describe('the list', () => {
  it('comes in pages, newest first, that stay as they are while members are added', async () => {
    const { as, owner } = await given.tenant();
    const add = async () =>
      (await as.post('/members', { email: address(), role: 'viewer' }).expect(201)).json<Member>().userId;
    const [one, two, three] = [await add(), await add(), await add()];
    const page = (await as.get('/members?limit=2').expect(200)).json<Listed<Member>>();
    expect(page.data.map((member) => member.userId)).toEqual([three, two]);
    await add();
    const rest = (await as.get(`/members?limit=2&cursor=${String(page.nextCursor)}`).expect(200)).json<
      Listed<Member>
    >();
    expect(rest.data.map((member) => member.userId)).toEqual([one, owner.userId]);
    expect(rest.nextCursor).toBeNull();
    await as.get('/members?cursor=tampered').expect(400);
    await as.get('/members?role=owner').expect(422);
  });
});
