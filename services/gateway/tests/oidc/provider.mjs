// A certified OpenID provider for the tests: node provider.mjs CONFIG.json
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const { issuer, port, client, accounts, jwks } = JSON.parse(readFileSync(process.argv[2], "utf8"));

const provider = new Provider(issuer, {
  clients: [client],
  jwks,
  cookies: { keys: ["only for tests"] },
  claims: {
    openid: ["sub"],
    profile: ["name", "preferred_username", "groups"],
    email: ["email", "email_verified"],
  },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
  // Its own would refuse addresses of this machine, where the tests' gateway is.
  fetch: (url, options) => globalThis.fetch(url, { ...options, dispatcher: undefined }),
  async findAccount(_context, sub) {
    return accounts[sub] && { accountId: sub, claims: async () => ({ sub, ...accounts[sub] }) };
  },
});

provider.on("server_error", (_context, error) => console.error(error));
provider.on("backchannel.error", (_context, error) => console.error(error));
provider.on("end_session.error", (_context, error) => console.error(error, error.cause));
provider.listen(port, "127.0.0.1", () => console.log("ready"));
