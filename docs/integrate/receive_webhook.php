<?php
// Receives Tellal's events, verified as Standard Webhooks. Needs PHP 8 alone.
//
// To try it: TELLAL_WEBHOOK_SECRET=whsec_… php -S 127.0.0.1:8080 receive_webhook.php

const TOLERANCE_S = 300; // an older request may be somebody's copy

function is_ours(string $body): bool
{
    $key = base64_decode(preg_replace('/^whsec_/', '', getenv('TELLAL_WEBHOOK_SECRET')));
    $number = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $sent_at = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!ctype_digit($sent_at) || abs(time() - (int) $sent_at) > TOLERANCE_S) {
        return false;
    }
    $mac = hash_hmac('sha256', "$number.$sent_at.$body", $key, true);
    $right = 'v1,' . base64_encode($mac);
    // Two signatures while a secret is being changed: one that is right will do.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($right, $given)) {
            return true;
        }
    }
    return false;
}

$body = file_get_contents('php://input');
if (!is_ours($body)) {
    http_response_code(401);
    exit;
}
$event = json_decode($body, true, 64, JSON_THROW_ON_ERROR);
// Keep webhook-id in a database, and do nothing for one that you have: it is a copy.
error_log($_SERVER['HTTP_WEBHOOK_ID'] . ' ' . $event['type'] . ' ' . ($event['data']['title'] ?? ''));
http_response_code(204);
