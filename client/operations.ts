/** Generated from docs/openapi.yaml by test/support/client-source.ts. */
export const operations = {
  "list-secrets": {"method":"GET","path":"/v1/secrets","keyed":false,"writes":false,"answers":[200],"replies":[["names","nextCursor"]]},
  "create-secret": {"method":"POST","path":"/v1/secrets","keyed":true,"writes":true,"answers":[201],"replies":[["name","version","validFrom"]]},
  "get-secret": {"method":"GET","path":"/v1/secrets/{name}","keyed":false,"writes":false,"answers":[200],"replies":[["name","version","value","encoding","validFrom","validTo"]]},
  "update-secret": {"method":"PUT","path":"/v1/secrets/{name}","keyed":true,"writes":true,"answers":[200],"replies":[["name","version","validFrom"]]},
  "delete-secret": {"method":"DELETE","path":"/v1/secrets/{name}","keyed":true,"writes":true,"answers":[200],"replies":[["name","version","validFrom"]]},
  "copy-secret": {"method":"POST","path":"/v1/secrets/{name}/copies","keyed":true,"writes":true,"answers":[200],"replies":[["name","version","validFrom","from"]]},
  "list-versions": {"method":"GET","path":"/v1/secrets/{name}/versions","keyed":false,"writes":false,"answers":[200],"replies":[["name","versions","nextCursor"]]},
  "destroy-version": {"method":"DELETE","path":"/v1/secrets/{name}/versions/{version}","keyed":false,"writes":true,"answers":[200],"replies":[["name","version","destroyedAt","destroyedBy"]]},
  "explain-secret": {"method":"GET","path":"/v1/secrets/{name}/explain","keyed":false,"writes":false,"answers":[200],"replies":[["name","exists","deleted","current","masterKey","readCost","caller"]]},
  "submit-env": {"method":"POST","path":"/v1/env","keyed":true,"writes":true,"answers":[200],"replies":[["content","created","resolved","warnings"]]},
  "encrypt-env": {"method":"POST","path":"/v1/env/encrypt","keyed":true,"writes":true,"answers":[200],"replies":[["content","created","resolved","warnings"]]},
  "expand-env": {"method":"POST","path":"/v1/env/expand","keyed":false,"writes":false,"answers":[200],"replies":[["content","created","resolved","warnings","tag"],["unchanged","tag"]]},
  "whoami": {"method":"GET","path":"/v1/whoami","keyed":false,"writes":false,"answers":[200],"replies":[["issuer","rule","tenant","subject","scopes","names","expires"]]},
  "get-status": {"method":"GET","path":"/v1/status","keyed":false,"writes":false,"answers":[200,503],"replies":[["status","version","commit","store","masterKey"],["status","version","commit","store","masterKey"]]},
  "get-health": {"method":"GET","path":"/health","keyed":false,"writes":false,"answers":[200],"replies":[["status"]]},
} as const;
