// The SDK on the Descope that the environment names, and notes of what came of each step.

import descope from '@descope/node-sdk';

export const sdk = descope({
  projectId: process.env.DESCOPE_PROJECT_ID,
  managementKey: process.env.DESCOPE_MANAGEMENT_KEY,
  baseUrl: process.env.DESCOPE_BASE_URL,
});
export const seen = {};

// A management call never throws: its answer says whether it was refused.
export async function managed(step, call) {
  const { ok, code, data, error } = await call;
  seen[step] = { ok, code, data, error };
  return data;
}

// A call about tokens throws what was wrong.
export async function tokens(step, call) {
  try {
    seen[step] = { ok: true, data: await call };
  } catch (error) {
    seen[step] = { ok: false, message: error.message };
  }
  return seen[step].data;
}
