// Node's references: node.mjs pass|hand|jsonata PORT BANK_PORT SHARED_FILE CONTRACT_FOLDER.

import Fastify from 'fastify';
import {Pool} from 'undici';

const [mode, port, bank, sharedFile, contract] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${bank}`, {connections: 64});
const app = Fastify();

if (mode === 'pass') {
  app.get('/*', async (request, reply) => {
    const answer = await pool.request({path: request.raw.url, method: 'GET'});
    return reply.code(answer.statusCode).type('application/json').send(answer.body);
  });
} else {
  const {build} = await import('./mapping.mjs');
  const page = build(mode, sharedFile, contract);
  app.get('/aisp/accounts/:account/transactions', async (request, reply) => {
    const answer = await pool.request({path: request.raw.url, method: 'GET'});
    const body = await answer.body.text();
    try {
      if (answer.statusCode !== 200) throw new Error('the bank did not answer');
      return reply.type('application/json').send(await page(body, request.params.account));
    } catch (error) {
      console.error(error);
      return reply.code(502).send();
    }
  });
}

await app.listen({port: +port, host: '127.0.0.1'});
