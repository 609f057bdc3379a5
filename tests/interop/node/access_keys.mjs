// Everything that the official Node SDK can do with access keys, on the Descope that the environment
// names. Prints what came of each step as one JSON object.

import { managed, sdk, seen, tokens } from './steps.mjs';

const { accessKey, permission, role, tenant, user } = sdk.management;

await managed('create permission', permission.create('read'));
await managed('create role', role.create('Reader', undefined, ['read']));
await managed('create tenant', tenant.createWithId('t1', 'One'));

const created = await managed(
  'create',
  accessKey.create(
    'n1',
    Math.floor(Date.now() / 1000) + 3600,
    undefined,
    [{ tenantId: 't1', roleNames: ['Reader'] }],
    undefined,
    { plan: 'gold' },
    'first',
    ['127.0.0.0/8', '::1'],
    { team: 'a' },
  ),
);
const { id } = created.key;
const other = (await managed('create bare', accessKey.create('n2', 0))).key.id;
await managed('create without a name', accessKey.create('', 0));

await managed('load', accessKey.load(id));
await managed('load unknown', accessKey.load('K2unknown'));
await managed('search', accessKey.searchAll());
await managed('search tenant', accessKey.searchAll(['t1']));
await managed(
  'search attribute', accessKey.searchAll(undefined, undefined, undefined, { team: 'b' }),
);
await managed('update name', accessKey.update(id, 'renamed'));
await managed('update all', accessKey.update(
  other, 'n3', 'second', ['Reader'], undefined, { plan: 'free' }, ['127.0.0.1'], { team: 'b' },
));
await managed('update clears', accessKey.update(other, 'n3', '', [], undefined, {}, [], {}));

const options = { customClaims: { job: 'nightly' }, selectedTenant: 't1' };
const session = await tokens('exchange', sdk.exchangeAccessKey(created.cleartext, options));
await managed('exchange, as it is sent', sdk.accessKey.exchange(created.cleartext, options));
await tokens('exchange unknown', sdk.exchangeAccessKey('K2unknown'));
await tokens('validate', sdk.validateSession(session.jwt));
const [head, body, signature] = session.jwt.split('.');
const forged = Buffer.from(body, 'base64url').toString().replace(id, other);
await tokens(
  'validate forged',
  sdk.validateSession([head, Buffer.from(forged).toString('base64url'), signature].join('.')),
);
await tokens(
  'validate for an audience', sdk.validateSession(session.jwt, { audience: 'elsewhere' }),
);
seen.authorization = {
  tenantPermissions: sdk.validateTenantPermissions(session, 't1', ['read']),
  tenantRoles: sdk.validateTenantRoles(session, 't1', ['Reader', 'Admin']),
  matchedTenantRoles: sdk.getMatchedTenantRoles(session, 't1', ['Reader', 'Admin']),
  otherTenantPermissions: sdk.validateTenantPermissions(session, 't2', ['read']),
};

const { userId } = await managed('create user', user.create('u@x.test', { roles: ['Reader'] }));
const bound = await managed(
  'create bound', accessKey.create('n4', 0, undefined, undefined, userId),
);
await managed('search bound', accessKey.searchAll(undefined, userId));
await managed('search creator', accessKey.searchAll(undefined, undefined, bound.key.createdBy));
const userSession = await tokens('exchange bound', sdk.exchangeAccessKey(bound.cleartext));
seen.authorization.permissions = sdk.validatePermissions(userSession, ['read']);
seen.authorization.roles = sdk.validateRoles(userSession, ['Admin']);
seen.authorization.matchedRoles = sdk.getMatchedRoles(userSession, ['Reader', 'Admin']);
await managed('deactivate user', user.deactivate('u@x.test'));
await tokens('exchange bound to inactive', sdk.exchangeAccessKey(bound.cleartext));
await managed('delete bound', accessKey.delete(bound.key.id));

await managed('deactivate', accessKey.deactivate(id));
await managed('load inactive', accessKey.load(id));
await tokens('exchange inactive', sdk.exchangeAccessKey(created.cleartext));
await managed('rotate inactive', accessKey.rotate(id));
await managed('activate', accessKey.activate(id));
await tokens('exchange active', sdk.exchangeAccessKey(created.cleartext));

const rotated = await managed('rotate', accessKey.rotate(id));
await tokens('exchange the old secret', sdk.exchangeAccessKey(created.cleartext));
await tokens('exchange the new secret', sdk.exchangeAccessKey(rotated.cleartext));

await managed('deactivate batch', accessKey.deactivateBatch([id, other]));
await managed('search inactive', accessKey.searchAll());
await managed('activate batch', accessKey.activateBatch([id, other]));
await managed('search active', accessKey.searchAll());
await managed('delete', accessKey.delete(other));
await managed('delete batch', accessKey.deleteBatch([id]));
await managed('search empty', accessKey.searchAll());

console.log(JSON.stringify(seen));
