// What the reads are compared with: NestJS and pg, three routes, no users, no tenants, no checks. Plain JavaScript,
// because Node strips types but knows no decorators: they are applied by hand.
import 'reflect-metadata';
import { Body, Controller, Get, Module, Param, Post, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.BENCH_DATABASE_URL, max: 10 });
await pool.query(`
  CREATE TABLE sessions_like (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), agent_id uuid, created_by uuid, title text, status text NOT NULL,
    context jsonb NOT NULL, metadata jsonb NOT NULL, message_count integer NOT NULL, input_tokens bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
  CREATE INDEX ON sessions_like (created_at DESC, id DESC)`);
const INSERT = `INSERT INTO sessions_like (agent_id, created_by, title, status, context, metadata, message_count, input_tokens)
  VALUES ($1, $1, $2, 'created', '{}', '{}', 0, 0) RETURNING *`;

class Sessions {
  async one(id) {
    return (await pool.query('SELECT * FROM sessions_like WHERE id = $1', [id])).rows[0];
  }

  async list(limit) {
    const { rows } = await pool.query('SELECT * FROM sessions_like ORDER BY created_at DESC, id DESC LIMIT $1', [
      limit,
    ]);
    return { data: rows, nextCursor: null };
  }

  async create({ agentId, title }) {
    return (await pool.query(INSERT, [agentId, title])).rows[0];
  }
}

class Bare {}

const handler = (name, route, parameter) => {
  route(Sessions.prototype, name, Object.getOwnPropertyDescriptor(Sessions.prototype, name));
  parameter(Sessions.prototype, name, 0);
};
handler('one', Get(':id'), Param('id'));
handler('list', Get(), Query('limit'));
handler('create', Post(), Body());
Controller('api/v1/sessions')(Sessions);
Module({ controllers: [Sessions] })(Bare);

const app = await NestFactory.create(Bare, { logger: false });
await app.listen(0, '127.0.0.1');
process.on('disconnect', () => process.exit(0));
process.send({ ready: await app.getUrl() });
