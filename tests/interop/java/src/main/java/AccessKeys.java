import com.descope.client.Config;
import com.descope.client.DescopeClient;
import com.descope.enums.DeliveryMethod;
import com.descope.enums.TenantAuthType;
import com.descope.exception.ServerCommonException;
import com.descope.model.auth.AccessKeyLoginOptions;
import com.descope.model.auth.AssociatedTenant;
import com.descope.model.auth.AuthenticationInfo;
import com.descope.model.auth.InviteOptions;
import com.descope.model.jwt.Token;
import com.descope.model.mgmt.AccessKeyRequest;
import com.descope.model.mgmt.AccessKeyResponse;
import com.descope.model.mgmt.AccessKeyUpdateRequest;
import com.descope.model.roles.RoleSearchOptions;
import com.descope.model.tenant.TenantSettings;
import com.descope.model.tenant.request.TenantSearchRequest;
import com.descope.model.user.request.BatchUserRequest;
import com.descope.model.user.request.PatchUserRequest;
import com.descope.model.user.request.UserRequest;
import com.descope.model.user.request.UserSearchRequest;
import com.descope.sdk.auth.AuthenticationService;
import com.descope.sdk.mgmt.AccessKeyService;
import com.descope.sdk.mgmt.JwtService;
import com.descope.sdk.mgmt.PermissionService;
import com.descope.sdk.mgmt.RolesService;
import com.descope.sdk.mgmt.TenantService;
import com.descope.sdk.mgmt.UserService;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Everything that the official Java SDK can do with access keys, and what it can do with roles,
 * tenants, users and tokens around them, on the Descope that the environment names. Prints what
 * came of each step as one JSON object.
 */
public final class AccessKeys {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, Object> SEEN = new LinkedHashMap<>();

  private final AccessKeyService keys;
  private final AuthenticationService auth;
  private final DescopeClient client;
  private final JwtService jwts;
  private final PermissionService permissions;
  private final RolesService roles;
  private final TenantService tenants;
  private final UserService users;

  private AccessKeys(DescopeClient client) {
    this.client = client;
    var management = client.getManagementServices();
    keys = management.getAccessKeyService();
    jwts = management.getJwtService();
    permissions = management.getPermissionService();
    roles = management.getRolesService();
    tenants = management.getTenantService();
    users = management.getUserService();
    auth = client.getAuthenticationServices().getAuthService();
  }

  public static void main(String[] arguments) throws Exception {
    var config =
        Config.builder()
            .projectId(System.getenv("DESCOPE_PROJECT_ID"))
            .managementKey(System.getenv("DESCOPE_MANAGEMENT_KEY"))
            .descopeBaseUrl(System.getenv("DESCOPE_BASE_URL"))
            .build();
    var run = new AccessKeys(new DescopeClient(config));
    run.rolesAndPermissions();
    run.tenants();
    run.keys();
    run.keysOfUsers();
    run.users();
    run.signedIn();
    System.out.println(JSON.writeValueAsString(SEEN));
  }

  private interface Action {
    void run() throws Exception;
  }

  /** Makes a call and notes what it returned, or how it failed. */
  private static <T> T step(String name, Callable<T> call) {
    var seen = new LinkedHashMap<String, Object>();
    SEEN.put(name, seen);
    try {
      T data = call.call();
      seen.put("data", data);
      return data;
    } catch (ServerCommonException error) {
      seen.put("code", error.getCode());
      seen.put("message", error.getMessage());
      seen.put("response", error.getServerResponse());
    } catch (Exception error) {
      seen.put("class", error.getClass().getSimpleName());
      seen.put("message", String.valueOf(error.getMessage()));
    }
    return null;
  }

  private static void step(String name, Action action) {
    step(
        name,
        () -> {
          action.run();
          return null;
        });
  }

  private static AssociatedTenant tenant(String id, String... roleNames) {
    return AssociatedTenant.builder().tenantId(id).roleNames(List.of(roleNames)).build();
  }

  private void rolesAndPermissions() {
    step("permission create", () -> permissions.create("read", "to see"));
    step("permission create another", () -> permissions.create("write", ""));
    step("permission create again", () -> permissions.create("read", ""));
    step("permission update", () -> permissions.update("write", "edit", "to change"));
    step("permissions", permissions::loadAll);
    step("role create", () -> roles.create("Reader", "reads", List.of("read")));
    step("role create another", () -> roles.create("Writer", "", List.of("edit")));
    step("role update", () -> roles.update("Writer", "Editor", "edits", List.of("read", "edit")));
    step("roles", roles::loadAll);
    step(
        "role search",
        () ->
            roles.search(RoleSearchOptions.builder().permissionNames(List.of("edit")).build()));
    step("role delete", () -> roles.delete("Editor"));
    step("permission delete", () -> permissions.delete("edit"));
    step("role delete unknown", () -> roles.delete("Editor"));
  }

  private void tenants() {
    step("tenant create", () -> tenants.createWithId("t1", "One", List.of("one.test")));
    var other =
        step("tenant create another", () -> tenants.create("Two", List.of(), Map.of("a", 1)));
    step("tenant create again", () -> tenants.createWithId("t1", "One", List.of()));
    step("tenant load", () -> tenants.load("t1"));
    step(
        "tenant update",
        () ->
            tenants.update(
                other, "Two", List.of("two.test"), Map.of("a", 2), "saml", false, true,
                List.of(), List.of(), "none"));
    step("tenants", tenants::loadAll);
    step(
        "tenant search",
        () -> tenants.searchAll(TenantSearchRequest.builder().names(List.of("Two")).build()));
    step(
        "tenant configure",
        () ->
            tenants.configureSettings(
                "t1",
                TenantSettings.builder()
                    .domains(List.of("one.test"))
                    .selfProvisioningDomains(List.of("join.test"))
                    .sessionSettingsEnabled(true)
                    .sessionTokenExpiration(7)
                    .sessionTokenExpirationUnit("minutes")
                    .authType(TenantAuthType.SAML)
                    .build()));
    step("tenant settings", () -> tenants.getSettings("t1"));
    step("tenant role", () -> roles.create("Local", "t1", "of t1", List.of("read")));
    step("tenant delete", () -> tenants.delete(other));
    step("tenant load deleted", () -> tenants.load(other));
  }

  private void keys() throws Exception {
    var expires = (int) (System.currentTimeMillis() / 1000) + 3600;
    var created =
        step(
            "create",
            () ->
                keys.create(
                    AccessKeyRequest.builder()
                        .name("n1")
                        .description("first")
                        .expireTime(expires)
                        .keyTenants(
                            List.of(Map.of("tenantId", "t1", "roleNames", List.of("Reader"))))
                        .customClaims(Map.of("plan", "gold"))
                        .permittedIps(List.of("127.0.0.0/8", "::1"))
                        .build()));
    var id = created.getKey().getId();
    var plain = step("create plain", () -> keys.create("n2", 0, List.of("Reader"), null));
    step("create with claims", () -> keys.create("n3", 0, null, null, Map.of("plan", "free")));
    step("create without a name", () -> keys.create("", 0, null, null));
    step("create nameless", () -> keys.create(AccessKeyRequest.builder().build()));

    step("load", () -> keys.load(id));
    step("load unknown", () -> keys.load("K2unknown"));
    step("search", () -> keys.searchAll(null));
    step("search tenant", () -> keys.searchAll(List.of("t1")));
    step("update name", () -> keys.update(id, "renamed"));
    step(
        "update all",
        () ->
            keys.update(
                AccessKeyUpdateRequest.builder()
                    .id(plain.getKey().getId())
                    .name("n4")
                    .description("second")
                    .roleNames(List.of())
                    .keyTenants(List.of(Map.of("tenantId", "t1", "roleNames", List.of("Local"))))
                    .customClaims(Map.of("plan", "silver"))
                    .permittedIps(List.of("127.0.0.1"))
                    .build()));

    exchange(created.getCleartext(), id);

    step("deactivate", () -> keys.deactivate(id));
    step("load inactive", () -> keys.load(id));
    step("exchange inactive", () -> auth.exchangeAccessKey(created.getCleartext()));
    step("activate", () -> keys.activate(id));
    step("exchange active", () -> auth.exchangeAccessKey(created.getCleartext()));
    step("delete", () -> keys.delete(id));
    step("load deleted", () -> keys.load(id));
    step("delete again", () -> keys.delete(id));
    step("exchange deleted", () -> auth.exchangeAccessKey(created.getCleartext()));
  }

  private void exchange(String cleartext, String id) throws Exception {
    var session = step("exchange", () -> auth.exchangeAccessKey(cleartext));
    step(
        "exchange with options",
        () ->
            auth.exchangeAccessKey(
                cleartext,
                AccessKeyLoginOptions.builder().customClaims(Map.of("job", "nightly")).build()));
    step("exchange unknown", () -> auth.exchangeAccessKey("K2unknown"));
    step("exchange nothing", () -> auth.exchangeAccessKey(""));
    step("validate", () -> auth.validateSessionWithToken(session.getJwt()));
    step("validate forged", () -> auth.validateSessionWithToken(forged(session.getJwt(), id)));
    step("validate nonsense", () -> auth.validateSessionWithToken("a.b.c"));
    step("tenant ids", () -> auth.getTenantIds(session));
    step("tenant roles", () -> auth.getRoles(session, "t1"));
    step("tenant permissions", () -> auth.getPermissions(session, "t1"));
    step("has tenant roles", () -> auth.validateRoles(session, "t1", List.of("Reader", "Local")));
    step("has tenant permissions", () -> auth.validatePermissions(session, "t1", List.of("read")));
    step("has permissions of t2", () -> auth.validatePermissions(session, "t2", List.of("read")));
    step(
        "matched tenant roles",
        () -> auth.getMatchedRoles(session, "t1", List.of("Reader", "Local")));
    step(
        "matched tenant permissions",
        () -> auth.getMatchedPermissions(session, "t1", List.of("read", "edit")));
  }

  /** The token with another key's id in it, under the old signature. */
  private static String forged(String jwt, String id) {
    var parts = jwt.split("\\.");
    var claims = new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8);
    var changed = claims.replace(id, "K2another").getBytes(StandardCharsets.UTF_8);
    parts[1] = Base64.getUrlEncoder().withoutPadding().encodeToString(changed);
    return String.join(".", parts);
  }

  private void keysOfUsers() {
    var user =
        step(
            "user create",
            () ->
                users.create(
                    "u@x.test", UserRequest.builder().roleNames(List.of("Reader")).build()));
    var userId = user.getUser().getUserId();
    AccessKeyResponse bound =
        step("create bound", () -> keys.create("n5", 0, null, null, userId, Map.of("plan", "own")));
    step("create bound without claims", () -> keys.create("n6", 0, null, null, userId));
    Token session = step("exchange bound", () -> auth.exchangeAccessKey(bound.getCleartext()));
    step("roles of a session", () -> auth.getRoles(session));
    step("permissions of a session", () -> auth.getPermissions(session));
    step("has roles", () -> auth.validateRoles(session, List.of("Reader", "Admin")));
    step("has permissions", () -> auth.validatePermissions(session, List.of("read")));
    step("matched roles", () -> auth.getMatchedRoles(session, List.of("Reader", "Admin")));
    step("matched permissions", () -> auth.getMatchedPermissions(session, List.of("read", "edit")));
    step("user deactivate", () -> users.deactivate("u@x.test"));
    step("exchange bound to inactive", () -> auth.exchangeAccessKey(bound.getCleartext()));
    step("user activate", () -> users.activate("u@x.test"));
    step("exchange bound to active", () -> auth.exchangeAccessKey(bound.getCleartext()));
  }

  private void users() {
    step(
        "user create full",
        () ->
            users.create(
                "+1-555-555-0100",
                UserRequest.builder()
                    .phone("+1-555-555-0100")
                    .email("v@x.test")
                    .displayName("V")
                    .additionalIdentifiers(List.of("alias"))
                    .customAttributes(Map.of("a", 1))
                    .userTenants(List.of(tenant("t1", "Local")))
                    .build()));
    step("user load", () -> users.load("alias"));
    step(
        "user search",
        () ->
            users.searchAll(
                UserSearchRequest.builder().tenantIds(List.of("t1")).limit(10).page(0).build()));
    step(
        "user update",
        () -> users.update("u@x.test", UserRequest.builder().displayName("U").build()));
    step(
        "user patch",
        () -> users.patch("u@x.test", PatchUserRequest.builder().givenName("Ula").build()));
    step("user email", () -> users.updateEmail("u@x.test", "other@x.test", true));
    step("user phone", () -> users.updatePhone("u@x.test", "+15555550199", false));
    step("user name", () -> users.updateDisplayName("u@x.test", "Una"));
    step("user names", () -> users.updateDisplayNames("u@x.test", "Una", "Maria", "X"));
    step("user picture", () -> users.updatePicture("u@x.test", "https://x.test/u.png"));
    step("user attribute", () -> users.updateCustomAttributes("u@x.test", "a", 2));
    step("user set roles", () -> users.setRoles("u@x.test", List.of("Reader")));
    step("user remove roles", () -> users.removeRoles("u@x.test", List.of("Reader")));
    step("user add roles", () -> users.addRoles("u@x.test", List.of("Reader")));
    step("user add apps", () -> users.addSsoApps("u@x.test", List.of("app1", "app2")));
    step("user remove apps", () -> users.removeSsoApps("u@x.test", List.of("app1")));
    step("user set apps", () -> users.setSsoApps("u@x.test", List.of("app3")));
    step("user add tenant", () -> users.addTenant("u@x.test", "t1"));
    step(
        "user add tenant roles",
        () -> users.addTenantRoles("u@x.test", "t1", List.of("Local", "Reader")));
    step(
        "user remove tenant roles",
        () -> users.removeTenantRoles("u@x.test", "t1", List.of("Local")));
    step("user set tenant roles", () -> users.setTenantRoles("u@x.test", "t1", List.of("Local")));
    step("user remove tenant", () -> users.removeTenant("u@x.test", "t1"));
    step("user login id", () -> users.updateLoginId("u@x.test", "new@x.test"));
    step(
        "user create batch",
        () ->
            users.createBatch(
                List.of(
                    BatchUserRequest.builder().loginId("b1@x.test").build(),
                    BatchUserRequest.builder().loginId("b1@x.test").build())));
    step(
        "user invite batch",
        () ->
            users.inviteBatch(
                List.of(BatchUserRequest.builder().loginId("b2@x.test").email("b2@x.test").build()),
                InviteOptions.builder().inviteUrl("https://x.test/invited").build()));
    step("user delete", () -> users.delete("new@x.test"));
    step("user load deleted", () -> users.load("new@x.test"));
    step("not emulated", () -> users.history(List.of("U1")));
  }

  private void signedIn() {
    step(
        "test user",
        () ->
            users.createTestUser(
                "t@x.test",
                UserRequest.builder()
                    .email("t@x.test")
                    .roleNames(List.of("Reader"))
                    .userTenants(List.of(tenant("t1", "Local")))
                    .build()));
    var generated =
        step("otp", () -> users.generateOtpForTestUser("t@x.test", DeliveryMethod.EMAIL));
    var otp = client.getAuthenticationServices().getOtpService();
    AuthenticationInfo signedIn =
        step(
            "sign in",
            () -> otp.verifyCode(DeliveryMethod.EMAIL, "t@x.test", generated.getCode()));
    step(
        "sign in again",
        () -> otp.verifyCode(DeliveryMethod.EMAIL, "t@x.test", generated.getCode()));
    var refresh = signedIn.getRefreshToken().getJwt();
    step("refresh", () -> auth.refreshSessionWithToken(refresh));
    step("refresh with info", () -> auth.refreshSessionWithTokenAuthenticationInfo(refresh));
    step("select tenant", () -> auth.selectTenant("t1", refresh));
    step(
        "validate and refresh",
        () -> auth.validateAndRefreshSessionWithTokens(signedIn.getToken().getJwt(), refresh));
    step("me", () -> auth.me(refresh));
    step(
        "client assertion",
        () ->
            jwts.generateClientAssertionJwt(
                "me", "me", List.of("https://as.test/token"), 60, true, "RS256"));
    step("logout", () -> auth.logout(refresh));
    step("refresh after logout", () -> auth.refreshSessionWithToken(refresh));
    step("log a user out", () -> users.logoutUser("t@x.test"));
    step("delete test users", users::deleteAllTestUsers);
    step("load a deleted test user", () -> users.load("t@x.test"));
  }
}
