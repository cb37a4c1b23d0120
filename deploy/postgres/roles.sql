-- The role and the database of Windfall, by a superuser; the password comes by the environment, so that no list of processes shows it:
--   WINDFALL_POSTGRES_PASSWORD=$(cat /etc/windfall/credentials/postgres-password) runuser -u postgres -- psql < deploy/postgres/roles.sql
-- It owns its database, so that it can make its tables, and is nothing else.
\set ON_ERROR_STOP on
\getenv password WINDFALL_POSTGRES_PASSWORD
create role windfall login nosuperuser nocreatedb nocreaterole noreplication password :'password';
create database windfall owner windfall encoding 'UTF8' template template0;
revoke all on database windfall from public;
