-- The role and the database of Windfall:  psql -v password="$(openssl rand -base64 24)" -f deploy/postgres/roles.sql   as a superuser.
-- It owns its database, so that it can make its tables, and is nothing else.
\set ON_ERROR_STOP on
create role windfall login nosuperuser nocreatedb nocreaterole noreplication password :'password';
create database windfall owner windfall encoding 'UTF8' template template0;
revoke all on database windfall from public;
