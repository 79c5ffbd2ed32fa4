// Generates a class for each record of the contract: node generate.js, with LEADLOOP_SCHEMAS as for consume.js.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {JS_COMMON_PRESET, JavaScriptGenerator} from '@asyncapi/modelina'
import yaml from 'js-yaml'

const document = yaml.load(readFileSync(join(process.env.LEADLOOP_SCHEMAS, 'asyncapi.yml'), 'utf8'))
const generator = new JavaScriptGenerator({presets: [{preset: JS_COMMON_PRESET, options: {marshalling: true}}]})
const models = await generator.generateCompleteModels(document, {moduleSystem: 'ESM'})
mkdirSync('models', {recursive: true})
for (const {modelName, result} of models) if (modelName) writeFileSync(join('models', `${modelName}.js`), result)
console.log(models.map(({modelName}) => modelName).join(' '))
