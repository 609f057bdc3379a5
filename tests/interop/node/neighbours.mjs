// What the official Node SDK can do around access keys, on the Descope that the environment names:
// batches of roles, permissions and users, settings of tenants, JWT templates, management keys,
// sessions of users. Prints what came of each step as one JSON object.

import { managed, sdk, seen } from './steps.mjs';

const { jwt, jwtTemplate, managementKey, permission, role, tenant, user } = sdk.management;

await managed('permissions', permission.createBatch([{ name: 'read' }, { name: 'write' }]));
await managed('permissions renamed', permission.updateBatch([{ name: 'write', newName: 'edit' }]));
const roles = await managed('roles', role.createBatch([
  { name: 'Reader', permissionNames: ['read'] },
  { name: 'Editor', permissionNames: ['read', 'edit'] },
]));
await managed('roles again', role.createBatch([{ name: 'Other' }, { name: 'Reader' }]));
await managed('roles renamed', role.updateBatch([{ name: 'Editor', newName: 'Writer' }]));
await managed('role by id', role.updateWithId(roles[0].id, 'Reader', 'reads', ['read']));
await managed('roles found', role.search({ permissionNames: ['read'] }));
await managed('roles deleted', role.deleteBatch(['Writer']));
await managed('permissions deleted', permission.deleteBatch(['edit']));
await managed('roles left', role.loadAll());

await managed('tenant', tenant.createWithId('t1', 'One', ['one.test'], { a: 1 }));
await managed('default roles', tenant.updateDefaultRoles('t1', ['Reader']));
await managed('configured', tenant.configureSettings('t1', {
  domains: ['one.test'],
  selfProvisioningDomains: ['join.test'],
  enabled: true,
  sessionTokenExpiration: 7,
  sessionTokenExpirationUnit: 'minutes',
}));
await managed('settings', tenant.getSettings('t1'));
await managed('tenant loaded', tenant.load('t1'));

await managed('users', user.createBatch([
  { loginId: 'a@x.test', roles: ['Reader'] },
  { loginId: 'a@x.test' },
  { loginId: 'b@x.test' },
]));
const users = seen.users.data.createdUsers.map((each) => each.userId);
await managed('users patched', user.patchBatch([{ loginId: 'a@x.test', displayName: 'A' }]));
await managed('users loaded', user.loadUsers([...users, 'U404']));
await managed('users deleted', user.deleteBatch(users));
await managed('users left', user.search({}));

const made = await managed('template', jwtTemplate.create({
  name: 'keys', type: 'key', authSchema: 'none', addJti: true, template: { env: 'test' },
}));
await managed('template changed', jwtTemplate.update({ id: made.id, overrideSubject: true }));
await managed('template loaded', jwtTemplate.load(made.id));
await managed('templates', jwtTemplate.list());
await managed('template library', jwtTemplate.listLibrary());
await managed('template deleted', jwtTemplate.delete(made.id));
await managed('template gone', jwtTemplate.load(made.id));

const manager = await managed('manager', managementKey.create(
  'm', { companyRoles: ['Company Full Access'] }, 'for tests', 3600, ['127.0.0.1'],
));
await managed('manager changed', managementKey.update(manager.key.id, 'n', 'changed', 'inactive'));
await managed('manager loaded', managementKey.load(manager.key.id));
await managed('managers', managementKey.search());
await managed('manager deleted', managementKey.delete([manager.key.id]));
await managed('manager gone', managementKey.load(manager.key.id));

await managed('assertion', jwt.generateClientAssertionJwt('me', 'me', ['https://x.test'], 60, true));

await managed('test user', user.createTestUser('t@x.test', {
  email: 't@x.test', userTenants: [{ tenantId: 't1', roleNames: ['Reader'] }],
}));
const { code } = await managed('code', user.generateOTPForTestUser('email', 't@x.test'));
const session = await managed('sign in', sdk.otp.verify.email('t@x.test', code));
const refresh = session.refreshJwt;
await managed('refresh', sdk.refresh(refresh));
await managed('selected', sdk.selectTenant('t1', refresh));
await managed('me', sdk.me(refresh));
await managed('my tenants', sdk.myTenants(['t1'], refresh));
await managed('logout', sdk.logout(refresh));
await managed('refresh after logout', sdk.refresh(refresh));

console.log(JSON.stringify(seen));
