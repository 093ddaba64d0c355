-- What a superuser does once per cluster, so that Atrium migrates and runs without one:
--   ATRIUM_DB=atrium ATRIUM_DB_PASSWORD=… psql -f ops/postgres/prepare.sql
-- Then MIGRATION_DATABASE_URL names atrium_migrator, and DATABASE_URL names atrium_login.
\set ON_ERROR_STOP on
\getenv database ATRIUM_DB
\getenv password ATRIUM_DB_PASSWORD

CREATE ROLE atrium_migrator LOGIN CREATEROLE CREATEDB PASSWORD :'password';
-- NOINHERIT: outside of a transaction that takes a role on, it has no rights at all.
CREATE ROLE atrium_login LOGIN NOINHERIT PASSWORD :'password';

-- Since Postgres 16 whoever creates a role may grant it, but not act as it unless told so.
SELECT current_setting('server_version_num')::int >= 160000 AS has_self_grant \gset
\if :has_self_grant
ALTER ROLE atrium_migrator SET createrole_self_grant = 'set, inherit';
\endif

-- In the template, so that databases made later (the tests make one each) have it too.
\connect template1
CREATE EXTENSION IF NOT EXISTS vector;
CREATE DATABASE :"database" OWNER atrium_migrator;
